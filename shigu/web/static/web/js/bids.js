/* Bidding without leaving the page: form[data-bid] is sent by fetch, and said what came of it in its [data-said].
   A bid whose answer was lost is sent again under its own key, which counts once however often it arrives; only
   an answer makes a new key. A big jump is asked about; who is too quick is told when to come back, and the
   same bid goes out then. Without this file the form works as any other. */

import { ask } from "./forms.js";
import { lotOf } from "./lots.js";
import { words } from "./words.js";

const PATIENCE = 30000, ANSWER = 6000, WAITS = [400, 900, 2000, 4000];
const busy = new WeakSet();

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

function say(form, text, level = "") {
  const place = form.querySelector("[data-said]");
  if (!place) return;
  place.textContent = text;
  place.dataset.level = level;
  place.hidden = !text;
}

function fresh() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");
}

function abort() {
  if (AbortSignal.timeout) return AbortSignal.timeout(ANSWER);
  const end = new AbortController();
  setTimeout(() => end.abort(), ANSWER);
  return end.signal;
}

async function send(form, body) {
  const until = performance.now() + PATIENCE;
  for (let tries = 0; performance.now() < until; tries++) {
    let answer = null;
    try {
      answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(body), redirect: "manual", signal: abort(), headers: { Accept: "application/json" } });
    } catch { /* lost on the way: did it count? the same key asks */ }
    if (answer && answer.status < 500 && answer.status !== 429) return answer;
    if (answer?.status === 429) {
      const seconds = Math.min(Number(answer.headers.get("Retry-After")) || 1, 10);
      say(form, (await answer.json().catch(() => ({}))).message ?? words.asking ?? "", "wait");
      await pause(1000 * seconds);
    } else {
      say(form, words.asking ?? "", "wait");
      await pause(WAITS[Math.min(tries, WAITS.length - 1)]);
    }
  }
  return null;
}

async function bid(form, submitter) {
  const body = new FormData(form);
  if (submitter?.name) body.set(submitter.name, submitter.value);
  if (!body.get("key")) { form.elements.key.value = fresh(); body.set("key", form.elements.key.value); }
  say(form, "");
  const answer = await send(form, body);
  if (!answer) { say(form, words.unknown ?? "", "bad"); return; }
  if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return; }
  let said;
  try { said = await answer.json(); } catch { location.reload(); return; }
  form.elements.key.value = said.key ?? fresh();
  await settled(form, submitter, answer.status, said, body);
}

async function settled(form, submitter, status, said, body) {
  const lot = lotOf(form);
  if (said.verdict === "wild" && !body.get("confirmed")) {
    if (!await ask(said.message)) { say(form, ""); return; }
    body.set("key", form.elements.key.value);
    body.set("confirmed", "1");
    await again(form, submitter, body);
    return;
  }
  say(form, said.message ?? "", status === 200 ? (said.leads ? "good" : "soon") : "bad");
  if (status === 200) for (const name of ["amount", "maximum"]) if (form.elements[name]?.type !== "hidden" && form.elements[name]) form.elements[name].value = "";
  lot?.refresh(true);
}

async function again(form, submitter, body) {
  const answer = await send(form, body);
  if (!answer) { say(form, words.unknown ?? "", "bad"); return; }
  const said = await answer.json().catch(() => ({}));
  form.elements.key.value = said.key ?? fresh();
  await settled(form, submitter, answer.status, said, body);
}

document.addEventListener("submit", async event => {
  const form = event.target;
  if (!form.matches?.("form[data-bid]") || event.defaultPrevented) return;
  event.preventDefault();
  if (busy.has(form)) return;
  busy.add(form);
  const buttons = [...form.elements].filter(each => each.matches("button:not([type=button])") && !each.disabled);
  setTimeout(() => { for (const button of buttons) button.disabled = true; });
  event.submitter?.setAttribute("aria-busy", "true");
  try {
    await bid(form, event.submitter);
  } finally {
    busy.delete(form);
    for (const button of buttons) button.disabled = false;
    event.submitter?.removeAttribute("aria-busy");
  }
});

/* A link to what is folded away unfolds it. */
document.addEventListener("click", event => {
  const to = event.target.closest?.('a[href^="#"]');
  if (to?.hash) document.querySelector(to.hash)?.closest("details")?.setAttribute("open", "");
});
