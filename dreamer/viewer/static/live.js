// A night under way: whenever the run says that something happened, the page is asked for again and what changed in
// it takes the place of what was there. The server alone knows how a night is told.
const region = document.getElementById("live");
let [asking, missed] = [false, false];

async function renew() {
  if (asking) return (missed = true);
  asking = true;
  do {
    missed = false;
    try {
      const answer = await fetch(location.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of [region, document.getElementById("top")]) exchange(part, page.getElementById(part.id));
      document.title = page.title;
    } catch {
      // The viewer was stopped; its stream comes back when it does.
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  } while (missed);
  asking = false;
}

// Only what differs is exchanged, so that focus, scrolling and opened details stay as the reader left them.
function exchange(old, now) {
  if (old.isEqualNode(now)) return;
  if (old.nodeName !== now.nodeName) return old.replaceWith(document.importNode(now, true));
  if (old.nodeType === Node.TEXT_NODE) return (old.data = now.data);
  for (const { name } of [...old.attributes]) if (name !== "open" && !now.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const [olds, nows] = [[...old.childNodes], [...now.childNodes]];
  olds.slice(nows.length).forEach((each) => each.remove());
  nows.forEach((each, i) => (olds[i] ? exchange(olds[i], each) : old.append(document.importNode(each, true))));
}

// Browsers give a site few connections, so only a page that is looked at listens.
let stream;

function listen() {
  stream?.close();
  stream = undefined;
  if (document.hidden) return;
  stream = new EventSource(region.dataset.events);
  stream.addEventListener("message", renew);
}

if (region?.dataset.events) {
  listen();
  document.addEventListener("visibilitychange", () => {
    listen();
    if (!document.hidden) renew();
  });
}
