// What every page needs of a script beside the theme's.

// A box that scrolls sideways can be reached and scrolled with the keyboard.
function watchScrollers() {
  const watch = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  const boxes = "pre, table, .katex-display, .output, .pst-scrollable-table-container, .erratum p, .line-block";
  document.querySelectorAll(`article :is(${boxes})`).forEach((box) => watch.observe(box));
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

const signs = ["scroll", "wheel", "pointermove", "pointerdown", "keydown", "beforeprint"];
signs.forEach((sign) => window.addEventListener(sign, begin, { passive: true }));
watchScrollers();
