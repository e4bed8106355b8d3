/* A part of the page that follows the server: <div data-state="unpaid" data-poll="/…" data-stream="/…">.
   Both answer {"state": "paid", "go": "/…"?, "part": "/…"?}. When the state is another than data-state:
   go → that page is opened; part → its HTML takes this element's place; neither → the page is loaded again.
   The stream is preferred; where it fails the poll asks every 5 s, for 15 minutes (data-poll-for, seconds). */

import { prepare } from "./forms.js";

const EVERY = 5000;
const seen = new WeakSet();

function toPlace(url) {
  const target = new URL(url, location.href);
  if (target.origin === location.origin) location.assign(target);
}

async function act(element, news) {
  if (news?.state === undefined || String(news.state) === element.dataset.state) return false;
  element.dispatchEvent(new CustomEvent("shigu:changed", { bubbles: true, detail: news }));
  if (news.go) { toPlace(news.go); return true; }
  if (!news.part) { location.reload(); return true; }
  const answer = await fetch(news.part, { headers: { "HX-Request": "true" } });
  if (!answer.ok) { location.reload(); return true; }
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  const fresh = holder.content.firstElementChild;
  element.replaceWith(holder.content);
  if (fresh) { window.htmx?.process(fresh); prepare(fresh); follow(fresh.parentElement ?? document); }
  return true;
}

class Follower {
  constructor(element) {
    this.element = element;
    this.until = performance.now() + 1000 * (Number(element.dataset.pollFor) || 900);
    if (element.dataset.stream && "EventSource" in window) this.listen(); else this.poll();
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.poll(); });
  }
  get alive() { return this.element.isConnected && !this.done; }
  async take(news) { if (this.alive && await act(this.element, news)) this.stop(); }
  listen() {
    this.source = new EventSource(this.element.dataset.stream);
    this.source.onmessage = event => { try { this.take(JSON.parse(event.data)); } catch { /* not for us */ } };
    this.source.onerror = () => { if (this.source.readyState === EventSource.CLOSED || ++this.faults > 2) { this.source.close(); this.poll(); } };
    this.faults = 0;
  }
  async poll() {
    clearTimeout(this.timer);
    const url = this.element.dataset.poll;
    if (!this.alive || !url || performance.now() > this.until) return;
    try {
      const answer = await fetch(url, { cache: "no-store", headers: { Accept: "application/json" } });
      if (answer.ok) await this.take(await answer.json());
    } catch { /* offline: asked again below */ }
    const streaming = this.source && this.source.readyState === EventSource.OPEN;
    if (this.alive && !document.hidden && !streaming) this.timer = setTimeout(() => this.poll(), EVERY);
  }
  stop() { this.done = true; clearTimeout(this.timer); this.source?.close(); }
}

export function follow(part = document) {
  for (const element of part.querySelectorAll("[data-stream], [data-poll]")) {
    if (seen.has(element)) continue;
    seen.add(element);
    new Follower(element);
  }
}

follow();
document.addEventListener("htmx:after:process", () => follow());
