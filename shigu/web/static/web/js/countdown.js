/* Drums (.drum[data-ends]) and ticks (time.tick[data-ends]) on the server's time.
   A drum puts out its studs, beats in its last minute (never with reduced motion) and tells a screen reader
   once a minute. data-over is the word at the end where it is another one. At the end each dispatches "shigu:over" and opens data-then, if it has one ("" = this page). */

import { every, now } from "./clock.js";
import { countdown, said, words } from "./words.js";

const over = new WeakSet();

function seconds(element, moment) {
  return Math.max(0, Math.ceil((Number(element.dataset.ends) - moment) / 1000));
}

function write(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

function showDrum(drum, moment) {
  const left = seconds(drum, moment), whole = Number(drum.dataset.window) || 900;
  const lit = Math.min(60, Math.ceil(60 * Math.max(0, Number(drum.dataset.ends) - moment) / 1000 / whole));
  if (drum.lit !== lit) {
    drum.lit = lit;
    drum.querySelectorAll("circle").forEach((stud, place) => stud.classList.toggle("on", place < lit));
  }
  const text = countdown(left);
  write(drum.querySelector("b"), text);
  drum.classList.toggle("long", text.length > 5);
  drum.classList.toggle("beat", left > 0 && left <= 60 && !drum.classList.contains("calm"));
  write(drum.querySelector("[data-say]"), left > 0 ? said(left) : drum.dataset.over ?? said(left));
}

function finish(element, left) {
  if (left > 0) { over.delete(element); return; }
  if (over.has(element)) return;
  over.add(element);
  element.dispatchEvent(new CustomEvent("shigu:over", { bubbles: true }));
  const then = element.dataset.then;
  if (then === undefined) return;
  setTimeout(() => {                                    // not everybody in the same millisecond
    if (seconds(element, now()) > 0) return;            // extended meanwhile
    if (then && then !== location.href) location.assign(then); else location.reload();
  }, 700 + Math.random() * 1500);
}

every(moment => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-ends]")) {
    const left = seconds(element, moment);
    if (element.classList.contains("drum")) showDrum(element, moment);
    else write(element, left > 0 ? countdown(left) : element.dataset.over ?? words.over ?? "00:00");
    finish(element, left);
  }
});
