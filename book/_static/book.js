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

const lateParts = () => [...document.querySelectorAll("article section section, .sheet, .erratum")];

// It begins when the reader does.
function begin() {
  signs.forEach((sign) => window.removeEventListener(sign, begin));
  layOut(lateParts());
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

// --- keys ---

// A single key acts unless the reader is typing, moves something, or has switched the keys off.
const KEYS = {
  j: ["to the next section", () => toSection(1)],
  k: ["to the section before", () => toSection(-1)],
  n: ["to the next page", () => document.querySelector("a.right-next")?.click()],
  p: ["to the page before", () => document.querySelector("a.left-prev")?.click()],
  "/": ["search the book", () => document.querySelector(".search-button__button")?.click()],
  "?": ["show this list", () => showKeys()],
};
const OFF = "keys-off";
const BUSY = "input, textarea, select, [contenteditable], [role=slider], dialog";

function isOff() {
  try {
    return localStorage.getItem(OFF) !== null;
  } catch {
    return false; // nothing is kept where a page is opened from a disk
  }
}

// The heading after, or before, the one that stands at the top of the window.
function toSection(way) {
  lateParts().forEach((part) => (part.style.contentVisibility = "visible")); // else it has no place
  const top = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
  const far = (heading) => heading.getBoundingClientRect().top - top;
  const all = [...document.querySelectorAll("article :is(h1, h2, h3)")].filter((one) => one.checkVisibility());
  const heading = way > 0 ? all.find((one) => far(one) > 8) : all.findLast((one) => far(one) < -8);
  if (!heading) return;
  heading.scrollIntoView();
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

function element(tag, attributes, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

// The list of keys, where they are switched off and on as well.
function showKeys() {
  const shown = Object.entries(KEYS).flatMap(([key, [what]]) => [
    element("dt", {}, element("kbd", {}, key)),
    element("dd", {}, what),
  ]);
  const box = element("input", { type: "checkbox", checked: !isOff() });
  box.addEventListener("change", () => {
    try {
      if (box.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "");
    } catch {
      box.checked = true;
    }
  });
  const close = element("button", { type: "button", className: "btn" }, "Close");
  const dialog = element("dialog", { className: "keys" },
    element("h2", {}, "Keys"),
    element("dl", {}, ...shown),
    element("label", {}, box, " ", "Single keys act"),
    close,
  );
  dialog.setAttribute("aria-label", "Keys");
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function press(event) {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
  const isBusy = event.target.closest?.(BUSY) || document.querySelector("dialog[open]");
  if (!isPlain || isBusy || isOff() || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  KEYS[event.key][1]();
}

document.addEventListener("keydown", press, { capture: true });
const keys = element("button", { type: "button", className: "keys-shown" }, "Keys");
keys.addEventListener("click", showKeys);
document.querySelector(".bd-footer-content__inner, .bd-footer-content, .prev-next-footer")?.append(keys);

window.addEventListener("beforeprint", unfold);

const signs = ["scroll", "wheel", "pointermove", "pointerdown", "keydown", "beforeprint"];
signs.forEach((sign) => window.addEventListener(sign, begin, { passive: true }));
watchScrollers();
