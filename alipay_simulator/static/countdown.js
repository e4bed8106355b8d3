// Ticks what the server has counted; the page works without it. At zero it asks the server what is true now.
(() => {
  const tick = document.querySelector("[data-left]");
  if (!tick) return;
  const bar = document.querySelector("progress");
  const end = performance.now() + Number(tick.dataset.left) * 1000;
  const two = (n) => String(n).padStart(2, "0");
  const show = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    const hours = Math.floor(left / 3600);
    const minutes = Math.floor((left % 3600) / 60);
    tick.textContent = (hours ? hours + ":" : "") + two(minutes) + ":" + two(left % 60);
    tick.classList.toggle("soon", left < 60);
    if (bar) bar.value = left;
    if (left > 0) setTimeout(show, 250);
    else setTimeout(() => location.replace(location.pathname), 1200);
  };
  if (Number(tick.dataset.left) > 0) show();
})();
