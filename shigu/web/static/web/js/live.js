/* Parts of the page that follow the server:
     <div data-state="unpaid" data-subject="2026…" data-stream="/…" data-poll="/…" data-part="/…">
   The stream sends {"subject": …, "state": "paid"}, the poll answers {"state": "paid", "go": "/…"?, "part": "/…"?}.
   When the state is another than data-state: go → that page is opened; part (or data-part) → its HTML takes
   this element's place; neither → the page is loaded again. A stream only hints: where to go, the poll says.
   Elements share one connection per address. Where the stream fails, or there is none, the poll asks every
   5 s, for 15 minutes (data-poll-for, seconds), and whenever the page is looked at again. */

import { prepare } from "./forms.js";

const EVERY = 5000, PATIENCE = 3;
const seen = new WeakSet(), streams = new Map();

async function ask(url) {
  try {
    const answer = await fetch(url, { cache: "no-store", headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch { return null; }                              // offline: asked again in a while
}

function open(url) {
  const target = new URL(url, location.href);
  if (target.origin === location.origin) location.assign(target); else location.reload();
}

async function replace(element, url) {
  const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) { location.reload(); return; }
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  const fresh = [...holder.content.children];
  element.replaceWith(holder.content);
  for (const part of fresh) { window.htmx?.process(part); prepare(part); follow(part); }
}

class Follower {
  constructor(element) {
    this.element = element;
    this.until = performance.now() + 1000 * (Number(element.dataset.pollFor) || 900);
    if (element.dataset.stream && "EventSource" in window) this.stream = Stream.at(element.dataset.stream, this);
    else this.poll();
  }
  get alive() { return this.element.isConnected && !this.done; }
  concerns(news) {
    const mine = this.element.dataset.subject;
    return news.subject === undefined || !mine || String(news.subject) === mine;
  }
  async take(news) {
    const { element } = this;
    if (!this.alive || news?.state === undefined || !this.concerns(news)) return;
    if (String(news.state) === element.dataset.state) return;
    this.stop();
    if (!news.go && element.dataset.poll) news = { ...await ask(element.dataset.poll), ...news };
    element.dispatchEvent(new CustomEvent("shigu:changed", { bubbles: true, detail: news }));
    const part = news.part ?? element.dataset.part;
    if (news.go) open(news.go); else if (part) await replace(element, part); else location.reload();
  }
  async poll() {
    clearTimeout(this.timer);
    const url = this.element.dataset.poll;
    if (!this.alive || !url || performance.now() > this.until) return;
    await this.take(await ask(url));
    if (this.alive && !document.hidden && !this.stream?.works) this.timer = setTimeout(() => this.poll(), EVERY);
  }
  stop() { this.done = true; clearTimeout(this.timer); this.stream?.leave(this); }
}

class Stream {
  static at(url, follower) {
    if (!streams.has(url)) streams.set(url, new Stream(url));
    streams.get(url).followers.add(follower);
    return streams.get(url);
  }
  constructor(url) {
    this.url = url; this.followers = new Set(); this.faults = 0; this.given_up = false;
    this.source = new EventSource(url);
    this.source.onopen = () => { this.faults = 0; };
    this.source.onmessage = event => {
      let news;
      try { news = JSON.parse(event.data); } catch { return; }
      for (const follower of [...this.followers]) follower.take(news);
    };
    this.source.onerror = () => {
      if (this.source.readyState !== EventSource.CLOSED && ++this.faults < PATIENCE) return;
      this.given_up = true;
      this.source.close();
      for (const follower of this.followers) follower.poll();
    };
  }
  get works() { return !this.given_up; }
  leave(follower) {
    this.followers.delete(follower);
    if (this.followers.size) return;
    this.source.close();
    streams.delete(this.url);
  }
}

const followers = new Set();

export function follow(part = document) {
  const found = [...part.querySelectorAll("[data-stream], [data-poll]")];
  if (part !== document && part.matches("[data-stream], [data-poll]")) found.push(part);
  for (const element of found) {
    if (seen.has(element)) continue;
    seen.add(element);
    followers.add(new Follower(element));
  }
}

function look() {
  for (const follower of followers) if (follower.alive) follower.poll(); else { follower.stop(); followers.delete(follower); }
}

follow();
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
addEventListener("online", look);
document.addEventListener("htmx:after:process", () => follow());
