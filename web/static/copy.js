// Buttons that copy what stands in a field. Without this module the field is marked
// and copied by hand.
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const name = button.textContent;
  const said = document.createElement("span"); // for those who do not see the button
  said.className = "hidden";
  said.setAttribute("role", "status");
  button.after(said);
  button.hidden = !navigator.clipboard;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.textContent = said.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = name; said.textContent = ""; }, 2000);
  });
}
