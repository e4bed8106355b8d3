/* Forms: sent once, asked about first where that matters, steppers for quantities.
   form[data-once] or any POST form   its button is disabled while it is under way
   input[data-key]                    an idempotency key; made here if the server left it empty, kept on retries
   [data-confirm="…"]                 on a form or its button: asked in the page's own dialog
   [data-submit]                      a field that sends its form when it changes
   .stepper                           − number + within the field's min and max */

const sending = new WeakSet();

function key(form) {
  for (const field of form.querySelectorAll("input[data-key]")) {
    if (!field.value) field.value = crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");
  }
}

function busy(form, on, submitter) {
  const buttons = [...form.elements].filter(each => each.matches("button:not([type=button]), input[type=submit]"));
  for (const button of buttons) {
    if (on && !button.disabled) { button.disabled = true; button.dataset.paused = ""; }
    if (!on && "paused" in button.dataset) { button.disabled = false; delete button.dataset.paused; }
    if (!on) button.removeAttribute("aria-busy");
  }
  if (on) submitter?.setAttribute("aria-busy", "true");
}

export function ask(text) {
  const dialog = document.getElementById("confirm");
  if (!dialog?.showModal) return Promise.resolve(window.confirm(text));
  dialog.querySelector("p").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise(answer => dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }));
}

document.addEventListener("submit", event => {
  const form = event.target, submitter = event.submitter;
  const method = (form.getAttribute("method") ?? "get").toLowerCase();
  if (method === "dialog") return;
  const question = submitter?.dataset.confirm ?? form.dataset.confirm;
  if (question && !form.confirmed) {
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(question).then(yes => {
      if (!yes) return;
      form.confirmed = true;
      form.requestSubmit(submitter ?? undefined);
      form.confirmed = false;
    });
    return;
  }
  const fetched = form.matches("[hx-post], [hx-put], [hx-patch], [hx-delete], [hx-action]");
  if (method !== "post" && !fetched && !("once" in form.dataset)) return;
  if (sending.has(form)) { event.preventDefault(); return; }
  key(form);
  sending.add(form);
  setTimeout(() => {                                    // after the button's own value has been read
    if (event.defaultPrevented && !fetched) sending.delete(form); else if (sending.has(form)) busy(form, true, submitter);
  });
}, true);

function free(form) {
  sending.delete(form);
  busy(form, false);
}

addEventListener("pageshow", () => document.querySelectorAll("form").forEach(free));
document.addEventListener("htmx:finally:request", event => {
  const form = event.detail?.ctx?.sourceElement?.closest?.("form");
  if (form) free(form);
});

document.addEventListener("change", event => {
  if (event.target.matches("[data-submit]")) event.target.form?.requestSubmit();
});

document.addEventListener("click", event => {
  const button = event.target.closest(".stepper button[data-step]");
  if (!button) return;
  const field = button.closest(".stepper").querySelector("input");
  const before = field.value;
  if (Number(button.dataset.step) > 0) field.stepUp(); else field.stepDown();
  if (field.value !== before) field.dispatchEvent(new Event("change", { bubbles: true }));
  limits(button.closest(".stepper"));
});

function limits(stepper) {
  const field = stepper.querySelector("input"), value = Number(field.value);
  for (const button of stepper.querySelectorAll("button[data-step]")) {
    const up = Number(button.dataset.step) > 0;
    button.disabled = field.disabled || (up ? field.max !== "" && value >= Number(field.max) : value <= Number(field.min || 1));
  }
}

export function prepare(part = document) {
  part.querySelectorAll(".stepper").forEach(limits);
}

prepare();
document.addEventListener("input", event => { const stepper = event.target.closest?.(".stepper"); if (stepper) limits(stepper); });
