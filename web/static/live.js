// A page about work that goes on: what stands in #live is asked for again while it says
// how often, and put in place without loading the page anew, so that nobody loses their
// place. Without this module there is a link that does it by hand.
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

// look returns the page as it is now, null where it could not be had.
const look = () => new Promise((resolve) => {
  const request = new XMLHttpRequest(); // reads a page into a document that runs nothing
  request.responseType = "document";
  request.onload = () => resolve(request.status === 200 ? request.response : null);
  request.onerror = () => resolve(null);
  request.open("GET", location.href.replace(/#.*/, ""));
  request.send();
});

// say tells readers of screens how far it is: each tenth, not each second.
let tenth = 0;
function say(now) {
  const bar = now.querySelector("progress");
  const at = bar ? Math.floor(10 * bar.value / bar.max) : 0;
  if (at > tenth) document.getElementById("said").textContent = now.querySelector("[data-part=said]")?.textContent ?? "";
  tenth = at;
}

for (let live = document.getElementById("live"); live?.dataset.every;) {
  await pause(live.dataset.every);
  const page = await look();
  const now = page?.getElementById("live");
  if (!now) {
    await pause(10);
    continue;
  }
  if (now.dataset.state === live.dataset.state) {
    for (const part of live.querySelectorAll("[data-part]")) {
      const other = now.querySelector(`[data-part=${part.dataset.part}]`);
      if (other && !other.isEqualNode(part)) part.replaceWith(other.cloneNode(true));
    }
    say(now);
    continue;
  }
  const held = live.contains(document.activeElement);
  live.replaceWith(now);
  live = now;
  document.title = page.title;
  document.body.className = page.body.className;
  document.getElementById("said").textContent = live.querySelector("h2")?.textContent ?? "";
  if (held) document.getElementById("main").focus();
}
