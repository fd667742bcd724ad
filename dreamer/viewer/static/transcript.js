// A transcript: from turn to turn, and to a turn that another page of it holds.
const turns = [...document.querySelectorAll(".turn")];
const at = () => turns.findIndex((turn) => `#${turn.id}` === location.hash);

function visit(turn) {
  location.replace(`#${turn.id}`); // the browser scrolls, and the address is a link to this turn
  turn.focus({ preventScroll: true });
}

for (const link of document.querySelectorAll("a[data-step]"))
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const next = at() + Number(link.dataset.step);
    if (turns[next]) visit(turns[next]);
    else if (next >= turns.length) document.getElementById("onwards")?.click();
  });

const wanted = location.hash.match(/^#turn-(\d{1,9})$/);
if (wanted && at() < 0) {
  const query = new URLSearchParams(location.search);
  if (query.get("from") !== wanted[1]) {
    query.set("from", wanted[1]);
    location.replace(`?${query}${location.hash}`);
  }
}
