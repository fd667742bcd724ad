// A night under way: whenever the run says that something happened, the page is asked for again and what changed in
// it takes the place of what was there. The server alone knows how a night is told.
const region = document.getElementById("live");
let waiting = false;

async function renew() {
  if (waiting) return;
  waiting = true;
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    exchange(region, page.getElementById("live"));
    document.title = page.title;
  } finally {
    setTimeout(() => (waiting = false), 400);
  }
}

// Only parts that differ are exchanged, so that focus, scrolling and open details stay as the reader left them.
function exchange(old, now) {
  if (!now || old.isEqualNode(now)) return;
  const [olds, nows] = [[...old.children], [...now.children]];
  const alike = olds.length === nows.length && olds.every((each, i) => each.tagName === nows[i].tagName && each.className === nows[i].className);
  if (alike && olds.length) olds.forEach((each, i) => exchange(each, nows[i]));
  else old.replaceWith(document.importNode(now, true));
}

if (region?.dataset.events) new EventSource(region.dataset.events).addEventListener("message", renew);
