// What every page needs of a script beside the theme's.

// A box that scrolls sideways can be reached and scrolled with the keyboard, and says where it
// goes on.
function mark(box) {
  const hidden = box.scrollWidth - box.clientWidth;
  if (hidden > 0) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
  box.classList.toggle("more-before", box.scrollLeft > 1);
  box.classList.toggle("more-after", hidden - box.scrollLeft > 1);
}

function watchScrollers() {
  const watch = new ResizeObserver((changes) => changes.forEach(({ target }) => mark(target)));
  const boxes = "pre, table, .katex-display, .output, .pst-scrollable-table-container, .erratum p, .line-block";
  for (const box of document.querySelectorAll(`article :is(${boxes})`)) {
    watch.observe(box);
    box.addEventListener("scroll", () => mark(box), { passive: true });
  }
}

// What the stylesheet leaves for later is laid out, part by part, while nothing else happens.
function layOut(parts) {
  const wait = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
  wait(() => {
    const part = parts.shift();
    if (!part) return;
    part.style.contentVisibility = "visible";
    layOut(parts);
  });
}

// It begins when the reader does.
function begin() {
  signs.forEach((sign) => window.removeEventListener(sign, begin));
  layOut([...document.querySelectorAll("article section section, .sheet, .erratum")]);
}

// On paper nothing is folded, and no figure waits until it is scrolled to.
function unfold() {
  for (const box of document.querySelectorAll("article details:not([open])")) {
    box.open = true;
    window.addEventListener("afterprint", () => (box.open = false), { once: true });
  }
  document.querySelectorAll("img[loading=lazy]").forEach((image) => (image.loading = "eager"));
}

// An address whose part moved to another page leads there; the page lists such parts.
function leadOn() {
  const list = document.getElementById("moved");
  const anchor = decodeURIComponent(location.hash.slice(1));
  if (!list || !anchor || document.getElementById(anchor)) return;
  const listed = new DOMParser().parseFromString(list.textContent, "text/html");
  const place = listed.getElementById(anchor)?.querySelector("a");
  if (place) location.replace(place.getAttribute("href"));
}

window.addEventListener("hashchange", leadOn);
leadOn();

// The other language opens where the reader is: at what the address names, if it is in view, else
// in the section that is.
function place() {
  const named = document.querySelector(":target")?.getBoundingClientRect();
  if (named && named.bottom > 0 && named.top < innerHeight) return location.hash;
  const begun = [...document.querySelectorAll("article section section[id]")].filter(
    (section) => section.getBoundingClientRect().top < innerHeight / 3,
  );
  return begun.length ? `#${encodeURIComponent(begun.at(-1).id)}` : "";
}

for (const link of document.querySelectorAll("a.language")) {
  link.addEventListener("click", () => (link.hash = place()));
}

window.addEventListener("beforeprint", unfold);

const signs = ["scroll", "wheel", "pointermove", "pointerdown", "keydown", "beforeprint"];
signs.forEach((sign) => window.addEventListener(sign, begin, { passive: true }));
watchScrollers();
