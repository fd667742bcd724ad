// The list of trajectories: a filter that is changed takes effect at once, and the address follows. The server filters;
// in a static copy the rows that are there are filtered and sorted here, by what they carry in `data-*`.
const form = document.querySelector("form.filters");
const still = form.hasAttribute("data-static");
const matching = document.getElementById("matching"); // stays where it is, for what is new in it is read aloud
let asked = 0;

function query() {
  return new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
}

function tell(words, trouble) {
  matching.textContent = words;
  matching.className = trouble ? "trouble" : "unseen";
}

async function show(address) {
  const mine = ++asked;
  const text = await fetch(address).then((answer) => answer.text()).catch(() => null);
  if (mine !== asked) return; // a later question is under way
  if (text === null) {
    document.getElementById("results").hidden = true; // they are not what is asked for
    return tell("The viewer does not answer. Load this page again once it does.", true);
  }
  const now = new DOMParser().parseFromString(text, "text/html").getElementById("results");
  if (!now) return location.assign(address);
  document.getElementById("results").replaceWith(document.importNode(now, true));
  tell("building" in now.dataset ? "" : now.dataset.matching);
  watch();
}

// An index that is still being made is looked at again.
function watch() {
  if (!still && document.querySelector("#results[data-building]")) setTimeout(() => show(location.href), 700);
}

const number = (text) => (text === "" ? null : Number(text));
const holds = (text, words) => text.toLowerCase().includes(words.toLowerCase());

function matches(row, wanted) {
  const get = (name) => wanted.get(name) ?? "";
  const within = (name, value) => {
    const [from, to] = [number(get(`${name}_from`)), number(get(`${name}_to`))];
    return (from === null && to === null) || (value !== null && (from === null || value >= from) && (to === null || value <= to));
  };
  const won = { won: "1", lost: "0", unknown: "" };
  return (
    (!get("q") || holds(row.id, get("q")) || holds(row.said, get("q"))) &&
    (!get("part") || [row.part, row.source].includes(get("part"))) &&
    (!get("task") || holds(row.task, get("task"))) &&
    (!get("outcome") || row.won === won[get("outcome")]) &&
    (!get("policy") || row.policy === get("policy")) &&
    (!get("stop") || row.stop === get("stop")) &&
    ["outcome", "turns", "imagined"].every((name) => within(name, number(row[name])))
  );
}

const rows = [...document.querySelectorAll("table.trajectories tbody tr")];

function sort(order) {
  const [falling, column] = order.startsWith("-") ? [true, order.slice(1)] : [false, order];
  for (const link of document.querySelectorAll("a[data-sort]")) {
    const here = link.dataset.sort === (column || "key");
    link.closest("th").ariaSort = here ? (falling ? "descending" : "ascending") : "none";
    const next = query();
    next.set("sort", (here && !falling ? "-" : "") + link.dataset.sort);
    link.href = `?${next}`;
  }
  const numeric = ["outcome", "turns", "imagined"].includes(column);
  const value = (row) => (numeric ? number(row.dataset[column]) : row.dataset[column] || null);
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const sorted = rows.map((row, place) => [value(row), place, row]);
  if (column === "key" && falling) sorted.reverse();
  else if (column && column !== "key")
    sorted.sort(([a, i], [b, j]) => (a === null) - (b === null) || (falling ? -1 : 1) * compare(a, b) || i - j);
  document.querySelector("table.trajectories tbody")?.append(...sorted.map(([, , row]) => row));
}

function choose() {
  const wanted = new URLSearchParams(location.search);
  for (const row of rows) row.hidden = !matches(row.dataset, wanted);
  const seen = rows.filter((row) => !row.hidden);
  const known = seen.filter((row) => row.dataset.won !== "");
  const won = known.filter((row) => row.dataset.won === "1").length;
  matching.textContent = `${seen.length} match, ${won} of ${known.length} won.`;
}

let resting;
form.addEventListener("input", (event) => {
  clearTimeout(resting);
  resting = setTimeout(change, event.target.matches("select") ? 0 : 100);
});

function change() {
  const address = `?${query()}`;
  history.replaceState(null, "", address);
  still ? choose() : show(location.href);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  change();
});

if (still) {
  const wanted = new URLSearchParams(location.search);
  for (const field of form.elements) if (wanted.has(field.name)) field.value = wanted.get(field.name);
  if (wanted.get("sort")) {
    const order = Object.assign(document.createElement("input"), { type: "hidden", name: "sort", value: wanted.get("sort") });
    form.append(order);
  }
  sort(wanted.get("sort") ?? "");
  choose();
} else watch();
