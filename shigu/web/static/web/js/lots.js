/* Lots, live. Nothing here decides anything: a bid is an ordinary form, and a page that is loaded again is right.
     <div data-lots-stream="/events/lots/7,8" data-lots-now="/auctions/lots/now/?ids=7,8">     {% lots_live … %}
       <article data-lot="7" data-version="4" data-phase="live" data-opens="…ms" data-closes="…ms"
                data-steps="[[0,100]]" data-paddle="123" data-mark="leading" data-parts="/auctions/lots/7/now/">
         <span data-show="price" data-look="big">  price | least | hammer (money) · leader | bids (numbers)
         <time class="tick" data-lot-clock data-ends="…" data-over="Being confirmed">    or a .drum
         <p data-when="live confirming">            shown in these phases only
         <p data-mark-when="outbid">                shown while the reader is leading | outbid
         <button name="quick" data-quick="2">       the least amount and so many steps
         <form data-bid> … <input name="key"> <p data-said role="status">                       bids.js
   data-paddle is the reader's own number in the session, empty for who has none. data-parts is asked for HTML
   of what only the server knows; children with an id take the place of the old ones, and where they carry
   data-mark or data-paddle, the reader's state is theirs.
   The stream tells whole snapshots; one that is older than what is shown is passed over. Each tells the sum of
   all versions told by then: with less of them something was lost on the way, and data-lots-now is asked. Where
   no stream gets through, it is asked instead, more often than every two seconds; told that this is too often,
   the page waits as long as it is told. On a change the element gets "shigu:lot" with {before, said}. */

import { every, heard, now } from "./clock.js";
import { prepare } from "./forms.js";
import { follow } from "./live.js";

const ASK = 1600, MISSED = 600, FIRST = 3000, SILENT = 11000, AGAIN = 5000, FLASH = 1600;
const REST = { concerned: 1000, bidding: 3000, looking: 10000 };   // between two questions of one page
const FINAL = { sold: "sold", paid: "sold", "passed-in": "passed_in", overdue: "lot_overdue", withdrawn: "withdrawn" };
const MONEY = new Set(["price", "least", "hammer"]);
const AHEAD = new Set(["coming", "preview", "soon"]), FINISHED = new Set(Object.values(FINAL));
const seen = new WeakSet(), known = new WeakSet(), boxes = new Set();

export function money(fen, look = "") {
  const node = document.createElement("span"), yen = document.createElement("span"), rest = document.createElement("i");
  node.className = `money ${look}`.trim();
  yen.className = "yen"; yen.textContent = "¥";
  rest.textContent = `.${String(fen % 100).padStart(2, "0")}`;
  node.append(yen, Math.floor(fen / 100).toLocaleString("en-US"), rest);
  return node;
}

export function plain(fen) {
  return `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, "0")}`;
}

/* How long a 429 wants us to wait, in milliseconds; pages that were told so together do not come back together. */
function patience(answer) {
  if (answer.status !== 429) return 0;
  return 1000 * (Number(answer.headers.get("Retry-After")) || 1) + Math.random() * ASK;
}

function step(steps, price) {
  let found = 0;
  for (const [from, more] of steps) if (from <= price) found = more;
  return found;
}

class Lot {
  constructor(element) {
    this.element = element;
    const { dataset } = element;
    this.id = Number(dataset.lot);
    this.said = null;
    this.opens = Number(dataset.opens); this.closes = Number(dataset.closes);
    this.steps = JSON.parse(dataset.steps || "[]").sort((one, other) => one[0] - other[0]);
    this.askedAt = -Infinity; this.askAt = Infinity;
  }
  get version() { return this.said?.version ?? Number(this.element.dataset.version ?? -1); }
  get paddle() { return Number(this.element.dataset.paddle) || null; }

  take(said) {
    if (said.version < this.version || (this.said && said.version === this.version)) return;
    const before = this.said, changed = said.version > this.version;
    this.said = said;
    this.opens = said.opens_at; this.closes = said.closes_at;
    if (said.mine) this.own(said.mine);
    this.show(changed);
    if (!changed) return;
    this.element.dispatchEvent(new CustomEvent("shigu:lot", { bubbles: true, detail: { before, said } }));
    this.refresh();
  }
  own(mine) {
    this.element.dataset.paddle = mine.paddle ?? "";
    if (mine.mark !== undefined) this.mark(mine.mark);
  }

  phase(moment) {
    const { said, element } = this;
    if (said && said.state !== "open") return FINAL[said.state] ?? said.state;
    const shown = element.dataset.phase;
    if (!said && FINISHED.has(shown)) return shown;
    if (moment >= this.closes) return "confirming";
    if (moment >= this.opens) return "live";
    return AHEAD.has(shown) ? shown : "soon";
  }

  /* Four times a second: opened, over? */
  beat(moment) {
    const phase = this.phase(moment);
    if (phase === this.element.dataset.phase && this.clocked === this.ends(phase)) return;
    const turned = phase !== this.element.dataset.phase;
    this.element.dataset.phase = phase;
    this.clock(phase);
    this.toggle("when", phase);
    if (!turned) return;
    if (this.element.dataset.mark) this.concerned = true; else this.askedAt = -Infinity;
    this.refresh();
  }
  ends(phase) { return AHEAD.has(phase) ? this.opens : this.closes; }
  clock(phase) {
    this.clocked = this.ends(phase);
    if (!Number.isFinite(this.clocked)) return;
    for (const each of this.element.querySelectorAll("[data-lot-clock]")) {
      each.dataset.ends = this.clocked;
      each.closest(".ends")?.toggleAttribute("hidden", FINISHED.has(phase));
    }
  }
  toggle(name, word) {
    for (const each of this.element.querySelectorAll(`[data-${name}]`)) {
      each.hidden = !each.getAttribute(`data-${name}`).split(" ").includes(word);
    }
  }

  show(changed) {
    const { said, element } = this;
    element.dataset.version = said.version;
    element.dataset.opens = said.opens_at; element.dataset.closes = said.closes_at;
    const shown = { ...said, price: said.hammer ?? said.price };   // a second chance has a price of its own
    for (const each of element.querySelectorAll("[data-show]")) this.figure(each, shown[each.dataset.show], changed);
    for (const each of element.querySelectorAll("[data-quick]")) this.quick(each);
    for (const each of element.querySelectorAll("[data-least]")) each.placeholder = plain(said.least);
    if (said.state === "open" && this.paddle && said.leader) {
      const leads = said.leader === this.paddle;
      if (leads) this.mark("leading"); else if (element.dataset.mark) this.mark("outbid");
    }
    this.clocked = null;
    this.beat(now());
  }
  figure(node, value, changed) {
    if (value === undefined || (value === null && node.dataset.show !== "leader")) return;
    const text = value === null ? "" : MONEY.has(node.dataset.show) ? money(value, node.dataset.look) : String(value);
    if (node.textContent === (text.textContent ?? text)) return;
    node.replaceChildren(text);
    if (changed) flash(node, "changed");
  }
  quick(button) {
    const { least } = this.said, amount = least + Number(button.dataset.quick) * step(this.steps, least);
    button.value = plain(amount);
    (button.querySelector("[data-amount]") ?? button).replaceChildren(money(amount, "plain"));
  }
  mark(word) {
    const before = this.element.dataset.mark ?? "";
    if (word === before) return;
    this.element.dataset.mark = word;
    this.toggle("mark-when", word);
    if (before === "leading" && word === "outbid") flash(this.element, "just-outbid");
    this.concerned = true;
  }

  /* What only the server can write: one's own state, the log. A thousand pages do not ask in one moment, and
     whoever only looks on asks less often than who bids. */
  refresh(soon = false) {
    if (!this.element.dataset.parts) return;
    const here = performance.now(), near = soon || this.concerned;
    const rest = near ? (soon ? 0 : REST.concerned) : this.element.dataset.mark ? REST.bidding : REST.looking;
    const at = Math.max(this.askedAt + rest, here + (near ? 50 : 250 + Math.random() * 1500));
    this.concerned = false;
    if (this.askAt <= at) return;                         // it is asked soon enough
    clearTimeout(this.timer);
    this.askAt = at;
    this.timer = setTimeout(() => this.ask(), at - here);
  }
  async ask() {
    this.askedAt = performance.now();
    this.askAt = Infinity;
    try {
      const answer = await fetch(this.element.dataset.parts, { cache: "no-cache", headers: { Accept: "text/html", "HX-Request": "true" } });
      if (answer.status === 429) { this.askedAt += patience(answer); this.refresh(); }
      if (!answer.ok || answer.redirected) return;
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      this.replace(holder.content);
    } catch { /* offline: the next change asks again */ }
  }
  replace(content) {
    const newest = Math.max(...[...content.children].map(each => Number(each.dataset.version ?? -1)));
    for (const fresh of [...content.children].filter(each => each.id)) {
      const old = document.getElementById(fresh.id);
      if (!old || old.outerHTML === fresh.outerHTML) continue;
      const focus = old.contains(document.activeElement) ? document.activeElement.id : "";
      old.replaceWith(fresh);
      for (const name of ["mark", "paddle"]) if (name in fresh.dataset) this.element.dataset[name] = fresh.dataset[name];
      if (focus) document.getElementById(focus)?.focus();
      window.htmx?.process(fresh); prepare(fresh); follow(fresh);
    }
    this.toggle("mark-when", this.element.dataset.mark ?? "");
    this.toggle("when", this.element.dataset.phase);
    this.clock(this.element.dataset.phase);
    if (this.said && newest <= this.said.version) this.show(false);   // else its own event is on its way
  }
}

function flash(node, name) {
  node.classList.remove(name);
  requestAnimationFrame(() => { node.classList.add(name); setTimeout(() => node.classList.remove(name), FLASH); });
}

class Box {
  constructor(element) {
    this.element = element;
    this.lots = new Map();
    this.told = new Map();
    this.heardAt = performance.now() - SILENT + FIRST;
    this.polledAt = this.quietUntil = -Infinity;
    this.find();
    this.open();
  }
  find() {
    const all = [...this.element.querySelectorAll("[data-lot]")];
    if (this.element.matches("[data-lot]")) all.push(this.element);
    for (const each of all) if (!known.has(each)) { known.add(each); const lot = new Lot(each); this.lots.set(lot.id, [...this.lots.get(lot.id) ?? [], lot]); }
  }
  open() {
    if (!this.element.dataset.lotsStream || !("EventSource" in window)) { this.heardAt = -Infinity; return; }
    this.source = new EventSource(this.element.dataset.lotsStream);
    this.source.onmessage = event => this.hear(event, true);
    this.source.addEventListener("beat", event => this.hear(event, false));
    this.source.onerror = () => {
      this.heardAt = -Infinity;                          // ask until it is back
      if (this.source.readyState === EventSource.CLOSED) this.again ??= setTimeout(() => { this.again = undefined; this.open(); }, AGAIN);
    };
  }
  hear(event, lots) {
    let said;
    try { said = JSON.parse(event.data); } catch { return; }
    this.heardAt = performance.now();
    heard(said.now);
    if (lots) this.take(said);
    if (said.sum > this.sum && performance.now() - this.polledAt > MISSED) this.poll();
  }
  get sum() { return [...this.told.values()].reduce((all, version) => all + version, 0); }
  take(said) {
    this.told.set(said.lot, Math.max(said.version, this.told.get(said.lot) ?? 0));
    for (const lot of this.lots.get(said.lot) ?? []) lot.take(said);
  }
  get streams() { return performance.now() - this.heardAt < SILENT; }
  beat(moment) {
    for (const lots of this.lots.values()) for (const lot of lots) lot.beat(moment);
    if (!this.streams && !document.hidden && performance.now() - this.polledAt > ASK) this.poll();
  }
  async poll() {
    const url = this.element.dataset.lotsNow;
    if (!url || this.polling || performance.now() < this.quietUntil) return;
    this.polling = true;
    this.polledAt = performance.now();
    try {
      const answer = await fetch(url, { cache: "no-cache", headers: { Accept: "application/json" } });
      if (!answer.ok) { this.quietUntil = performance.now() + patience(answer); return; }
      const said = await answer.json();                  // its "now" may be a cached one: the clock is not set by it
      for (const one of said.lots ?? [said]) this.take(one);
    } catch { /* offline */ } finally { this.polling = false; }
  }
  close() { clearTimeout(this.again); this.source?.close(); }
}

export function lotOf(element) {
  const id = Number(element.closest("[data-lot]")?.dataset.lot);
  for (const box of boxes) for (const lot of box.lots.get(id) ?? []) if (lot.element.contains(element)) return lot;
  return null;
}

export function watch(part = document) {
  for (const element of part.querySelectorAll("[data-lots-stream], [data-lots-now]")) {
    if (!seen.has(element)) { seen.add(element); boxes.add(new Box(element)); }
  }
  for (const box of boxes) if (!box.element.isConnected) { box.close(); boxes.delete(box); } else box.find();
}

watch();
every(moment => { for (const box of boxes) box.beat(moment); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) for (const box of boxes) box.poll(); });
addEventListener("online", () => { for (const box of boxes) box.poll(); });
addEventListener("pagehide", () => { for (const box of boxes) box.close(); });
addEventListener("pageshow", event => { if (event.persisted) for (const box of boxes) box.open(); });
document.addEventListener("htmx:after:process", () => watch());
