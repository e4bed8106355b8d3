/* The figure of unread notices stays true while the page stays open: asked every 30 s while somebody looks,
   at once when the page is looked at again, and whenever a part of it has changed (live.js says so).
     <a data-unread-at="/me/notices/unread"> … <span data-unread hidden><span data-unread-count>0</span></span> */

const EVERY = 30_000, MOST = 99;
const source = document.querySelector("[data-unread-at]")?.dataset.unreadAt;
let timer, asking;

function show(count) {
  for (const mark of document.querySelectorAll("[data-unread]")) {
    mark.querySelector("[data-unread-count]").textContent = count > MOST ? `${MOST}+` : String(count);
    mark.hidden = !count;
  }
}

async function ask() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(source, { cache: "no-store", headers: { Accept: "application/json" } });
    if (answer.ok) show(Number((await answer.json()).unread) || 0);
  } catch { /* offline: asked again */ } finally { asking = false; }
  timer = setTimeout(ask, EVERY);
}

if (source) {
  timer = setTimeout(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
  document.addEventListener("shigu:changed", () => setTimeout(ask, 300));
}
