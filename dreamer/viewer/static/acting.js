// Whoever opened the address that the terminal printed may approve and roll back. Its token is kept for this site and
// this tab alone, and sent with nothing but these forms.
const told = new URLSearchParams(location.hash.slice(1)).get("token");
if (told) {
  sessionStorage.setItem("token", told);
  history.replaceState(null, "", location.pathname + location.search);
}
if (sessionStorage.getItem("token")) document.documentElement.classList.add("acting");

// What cannot be taken back lightly is asked twice.
document.addEventListener("submit", (event) => {
  if (!event.target.matches(".actions form")) return;
  if (!confirm(`${event.target.querySelector("button").textContent}?`)) return event.preventDefault();
  const token = document.createElement("input");
  [token.type, token.name, token.value] = ["hidden", "token", sessionStorage.getItem("token")];
  event.target.append(token);
});
