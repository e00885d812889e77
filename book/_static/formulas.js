// The buttons of the formula sheet: each copies its text and says so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed here: open “LaTeX, symbols, tests”";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
});
