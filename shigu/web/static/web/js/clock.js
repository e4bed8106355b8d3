/* The server's time in this browser. <html data-now> is the server's epoch in milliseconds when it wrote the
   page; from then on only performance.now() counts, so a wrong or moved clock on this device changes nothing.
   now() is the server's time; every(fn) calls fn four times a second; resync() asks data-clock again; heard(ms)
   is a time that the server just said: it cannot be ahead of the server, so one that is ahead of us sets us. */

const root = document.documentElement;
let atPage = Number(root.dataset.now) || Date.now();   // server time …
let atHere = received();                               // … at this performance.now()
let drift = Date.now() - performance.now();            // jumps when the device slept
let resynced = -Infinity;
const listeners = new Set();

function received() {
  const entry = performance.getEntriesByType("navigation")[0];
  return entry && entry.responseStart > 0 ? entry.responseStart : performance.now();
}

export function now() {
  return atPage + (performance.now() - atHere);
}

const FAR = 2000;

export function heard(server) {
  if (!Number.isFinite(server)) return;
  const ahead = server - now();
  if (ahead > 0) { atPage = server; atHere = performance.now(); } else if (ahead < -FAR) resync();
}

export function every(listener) {
  listeners.add(listener);
  listener(now());
  return () => listeners.delete(listener);
}

export async function resync() {
  slept();
  const url = root.dataset.clock;
  if (!url) return;
  if (performance.now() - resynced < FAR) return;
  resynced = performance.now();
  try {
    const asked = performance.now();
    const answer = await fetch(url, { cache: "no-store", headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const server = Number((await answer.json()).now);
    if (!Number.isFinite(server)) return;
    atHere = (asked + performance.now()) / 2;
    atPage = server;
    beat();
  } catch { /* offline: the estimate stands until the next time */ }
}

function slept() {
  const jump = Date.now() - performance.now() - drift;
  drift += jump;
  if (Math.abs(jump) > 1000) atPage += jump;
}

function beat() {
  const moment = now();
  for (const listener of [...listeners]) listener(moment);
}

function loop() {
  beat();
  setTimeout(loop, 250);                                // each countdown ends on a fraction of its own
}

const entry = performance.getEntriesByType("navigation")[0];
if (entry && (entry.type === "back_forward" || entry.transferSize === 0)) resync();
document.addEventListener("visibilitychange", () => { if (!document.hidden) resync(); });
addEventListener("pageshow", event => { if (event.persisted) resync(); });
setTimeout(loop, 0);
