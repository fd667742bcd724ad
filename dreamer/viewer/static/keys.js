// Keys: whatever carries `data-key` is reached by it; `?` shows which there are, and switches them off for whoever is
// hindered by them, such as people who speak to their machine.
const off = {
  get: () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } },
  set: (value) => { try { localStorage.setItem("keys", value ? "off" : "on"); } catch { /* files have no store */ } },
};
const marked = () => [...document.querySelectorAll("[data-key]")];

function help() {
  const open = document.querySelector("dialog.keys[open]");
  if (open) return open.close();
  const dialog = document.createElement("dialog");
  dialog.className = "keys";
  dialog.setAttribute("aria-label", "Keys");
  const heading = document.createElement("h2");
  heading.textContent = "Keys";
  const list = document.createElement("dl");
  for (const [key, label] of [["?", "these keys"], ...marked().map((e) => [e.dataset.key, e.dataset.keyLabel])]) {
    const term = document.createElement("dt");
    const kbd = document.createElement("kbd");
    kbd.textContent = key;
    term.append(kbd);
    const meaning = document.createElement("dd");
    meaning.textContent = label;
    list.append(term, meaning);
  }
  const choice = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = !off.get();
  box.addEventListener("change", () => off.set(!box.checked));
  choice.append(box, " keys other than ? act");
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(heading, list, choice, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target.matches("input, textarea, select")) return event.target.blur();
  if (event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) return;
  if (event.key === "?") return help();
  if (off.get() || document.querySelector("dialog[open]")) return;
  const target = marked().find((element) => element.dataset.key === event.key);
  if (!target) return;
  event.preventDefault();
  target.matches("input, textarea, select") ? target.focus() : target.click();
});
