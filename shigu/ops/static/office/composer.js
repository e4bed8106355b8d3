/* The composer's timeline follows what is typed; a preset fills the three figures of the soft close.
   Nothing is decided here: the server reads the form. */

const WHOLE = 1000;
const MOST_MARKS = 60;
const SVG = "http://www.w3.org/2000/svg";
const TIMES = ["preview_from", "preview_until", "opens_at", "closes_at"];
const SOFT = ["soft_window", "soft_extension", "most_extensions"];

const form = document.querySelector("[data-composer]");
const figure = document.querySelector("[data-timeline]");

const field = (name) => form.elements.namedItem(name);
const two = (number) => String(number).padStart(2, "0");

function spoken(moment, seconds) {
  const day = `${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
  return seconds ? `${day} ${time}:${two(moment.getSeconds())}` : `${day} ${time}`;
}

function shape(kind, attributes) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/* When each lot would close, in milliseconds. */
function ends(first) {
  const count = Math.max(Number(figure.dataset.lots) || 1, 1);
  const apart = Math.max(Number(field("stagger").value) || 0, 0) * 1000;
  return Array.from({ length: count }, (_, nth) => first + nth * apart);
}

function typed() {
  return TIMES.map((name) => new Date(field(name).value).getTime());
}

function inOrder([begins, until, opens, closes]) {
  return begins <= until && until <= opens && opens < closes;
}

function draw() {
  const times = typed();
  const known = times.every(Number.isFinite);
  figure.querySelector("[data-wrong]").hidden = !known || inOrder(times);
  if (!known || !inOrder(times)) return;
  const closing = ends(times[3]);
  const last = closing.at(-1);
  const at = (moment) => Math.round((WHOLE * (moment - times[0])) / Math.max(last - times[0], 1000));
  const bounds = [...times, last].map(at);
  const spans = ["preview", "wait", "open", "closing"].map((what, nth) =>
    shape("rect", { class: `span-${what}`, x: bounds[nth], y: 16, width: bounds[nth + 1] - bounds[nth], height: 24 }),
  );
  const every = Math.floor(closing.length / MOST_MARKS) + 1;
  const marks = closing
    .filter((_, nth) => nth % every === 0)
    .map((end) => shape("line", { class: "end", x1: at(end), x2: at(end), y1: 8, y2: 48 }));
  figure.querySelector("[data-spans]").replaceChildren(...spans);
  figure.querySelector("[data-ends]").replaceChildren(...marks);
  label(times, last);
}

function label(times, last) {
  TIMES.forEach((name, nth) => {
    figure.querySelector(`[data-at="${name}"]`).textContent = spoken(new Date(times[nth]), nth === 3);
  });
  figure.querySelector('[data-at="last"]').textContent = spoken(new Date(last), true);
}

function fill(presets) {
  const figures = presets[field("preset").value];
  SOFT.forEach((name, nth) => {
    if (figures) field(name).value = figures[nth];
    field(name).readOnly = Boolean(figures);
  });
}

if (form && figure) {
  const presets = JSON.parse(document.getElementById("auction-presets").textContent);
  form.addEventListener("input", draw);
  field("preset").addEventListener("change", () => fill(presets));
  fill(presets);
  draw();
}
