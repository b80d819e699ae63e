// A session ends where it is not used. Who writes uses it; who does not is asked two
// minutes before, and stays with one key.
const box = document.getElementById("stay");
let last = Date.now(); // when the server knew of us

async function stay() {
  const before = Date.now();
  const answer = await fetch("/desk/stay", { redirect: "manual", cache: "no-store" }).catch(() => null);
  if (answer?.status !== 204) return;
  last = before;
  box.hidden = true;
}

box.querySelector("button").addEventListener("click", stay);
document.addEventListener("input", () => { if (Date.now() - last > 60_000) stay(); });
setInterval(() => { if (Date.now() - last > 1000 * (box.dataset.idle - 120)) box.hidden = false; }, 5000);
