// The link of a collection has its secret in the part of the address that no browser
// sends: it leaves the address line at once, and opens the collection. Without this
// module the link is pasted into the form.
function open() {
  const secret = location.hash.slice(1);
  if (!/^[A-Za-z0-9_-]{43}$/.test(secret)) return;
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.getElementById("opening");
  if (form) {
    form.elements.link.value = secret;
    form.requestSubmit();
  }
}
open();
addEventListener("hashchange", open);
