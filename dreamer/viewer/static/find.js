// Rows of tables that hold some words; the rest is hidden as long as the words stand there.
const label = document.querySelector(".find");
const input = label.querySelector("input");
const rows = [...document.querySelectorAll(".found tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);
label.hidden = false;

input.addEventListener("input", () => {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [row, text] of rows) {
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  for (const more of document.querySelectorAll("details:has(.found)")) {
    if (words.length) more.open = !!more.querySelector("tbody tr:not([hidden])");
  }
  document.getElementById("found").textContent = words.length ? `${shown} of ${rows.length} rows` : "";
});
