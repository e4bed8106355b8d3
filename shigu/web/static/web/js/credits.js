/* Two fields that are one figure: [data-same="id"] follows the other while it is moved. Asked is when it is let go. */

document.addEventListener("input", event => {
  const other = document.getElementById(event.target.dataset?.same ?? "");
  if (other) other.value = event.target.value;
});
