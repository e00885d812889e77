// The copy buttons of the formula sheet. Without this script the texts stand in <details>.
for (const box of document.querySelectorAll(".copies")) {
  const status = box.querySelector("[role=status]");
  for (const button of box.querySelectorAll("button[data-copies]")) {
    const source = box.querySelector(`pre[data-label="${button.dataset.copies}"]`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.textContent);
        status.textContent = "Copied.";
      } catch {
        // No clipboard here, as on a page opened from the disk: show the text, selected.
        box.querySelector("details").open = true;
        getSelection().selectAllChildren(source);
        status.textContent = "Selected.";
      }
    });
  }
  box.querySelector("p").hidden = false;
}

// A retired name leads on to the one that took its place.
function leadOn() {
  const old = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (old?.matches(".retired")) location.replace(old.querySelector("a").href);
}
leadOn();
addEventListener("hashchange", leadOn);
