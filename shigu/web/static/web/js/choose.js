/* A product page: price, activity and the largest quantity follow the choice. Without this the tiles say them. */
const form = document.getElementById("choose");

function follow() {
  const chosen = form.querySelector("input[name=sku]:checked");
  if (!chosen) return;
  const [yuan, fen] = chosen.dataset.price.split(".");
  const free = Number(chosen.dataset.price) === 0;
  for (const place of document.querySelectorAll("[data-chosen-price]")) {
    const [figure, word] = place.children;
    figure.hidden = free;
    word.hidden = !free;
    figure.querySelector("i").textContent = `.${fen}`;
    figure.querySelector(".yen").nextSibling.textContent = yuan;
  }
  const was = document.querySelector("[data-chosen-was]");
  if (was) {
    was.hidden = !chosen.dataset.was;
    if (chosen.dataset.was) was.querySelector("s").lastChild.textContent = `¥${chosen.dataset.was}`;
  }
  for (const run of document.querySelectorAll("[data-run]:not(input)")) {
    run.hidden = run.dataset.run !== chosen.dataset.run;
  }
  for (const sku of document.querySelectorAll("[data-chosen-sku]")) sku.value = chosen.value;
  const quantity = form.querySelector("input[name=quantity]");
  if (quantity && chosen.dataset.left) {
    quantity.max = Math.min(99, Number(chosen.dataset.left));
    if (Number(quantity.value) > Number(quantity.max)) quantity.value = quantity.max;
    quantity.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

if (form) {
  form.addEventListener("change", follow);
  follow();
}
