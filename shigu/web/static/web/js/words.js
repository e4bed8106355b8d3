/* Words in the page's language, from <script id="words">, and a countdown written as the server writes it. */

const node = document.getElementById("words");
export const words = node ? JSON.parse(node.textContent) : {};

const two = number => String(number).padStart(2, "0");

export function countdown(seconds) {
  const left = Math.max(0, seconds);
  const days = Math.floor(left / 86400), hours = Math.floor(left / 3600) % 24;
  const minutes = Math.floor(left / 60) % 60, ticks = left % 60;
  if (days) return `${days}${words.day ?? "d"} ${two(hours)}:${two(minutes)}`;
  return hours ? `${two(hours)}:${two(minutes)}:${two(ticks)}` : `${two(minutes)}:${two(ticks)}`;
}

export function said(seconds) {
  if (seconds <= 0) return words.over ?? "";
  const minutes = Math.ceil(seconds / 60);
  if (minutes === 1) return words.last ?? "";
  if (minutes <= 120) return (words.many ?? "{n}").replace("{n}", minutes);
  const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24;
  return days
    ? (words.days ?? "{d} {h}").replace("{d}", days).replace("{h}", hours)
    : (words.hours ?? "{h} {m}").replace("{h}", hours).replace("{m}", Math.floor(seconds / 60) % 60);
}
