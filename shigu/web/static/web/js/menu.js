/* Small conveniences: menus that close, light and dark, messages that go, the current entry in view. */

document.addEventListener("click", event => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  event.target.closest("[data-dismiss]")?.closest(".message")?.remove();
  const copied = event.target.closest("[data-copy]");
  if (copied) navigator.clipboard?.writeText(copied.dataset.copy).then(() => { if (copied.dataset.copied) copied.textContent = copied.dataset.copied; });
});

document.addEventListener("keydown", event => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) { menu.open = false; menu.querySelector("summary").focus(); }
});

for (const group of document.querySelectorAll("[data-theme-switch]")) {
  group.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (!button) return;
    const theme = button.value;
    if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
    document.cookie = `theme=${theme}; path=/; max-age=${theme ? 31536000 : 0}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
    for (const each of group.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === button));
  });
}

for (const bar of document.querySelectorAll(".tabs, [data-scroll-current]")) {
  const current = bar.querySelector("[aria-current]");
  if (current && bar.scrollWidth > bar.clientWidth) bar.scrollLeft = current.offsetLeft - bar.offsetLeft - (bar.clientWidth - current.clientWidth) / 2;
}
