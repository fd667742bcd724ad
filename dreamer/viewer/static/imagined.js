// The link to imagined lines goes from each such place to the next, and from the last to the first.
const next = document.getElementById("next-imagined");
const stops = [...document.querySelectorAll(".source .first")];

next?.addEventListener("click", (event) => {
  const here = Number(location.hash.match(/^#L(\d+)$/)?.[1] ?? 0);
  const stop = stops.find((line) => Number(line.id.slice(1)) > here) ?? stops[0];
  event.preventDefault();
  location.hash = stop.id;
});
