// Makes a page small for axe-core, and whole again.
//
// A formula is thousands of elements that none of axe's rules speaks of: a box of its size takes
// their place. Contrast is judged by what is painted, so of the texts that look the same on the
// same ground three are kept and marked for it, none if such a text was judged before, on another
// page; a word of code that looks like those becomes plain text.
(() => {
  const LOOK = ["color", "fontSize", "fontWeight", "textShadow", "textDecorationLine", "borderBottomStyle"];
  const GROUND = [
    "backgroundColor", "backgroundImage", "opacity", "filter", "mixBlendMode", "position", "zIndex", "float",
  ];
  const styles = (one, names) => {
    const style = getComputedStyle(one);
    return names.map((name) => style[name]).join();
  };

  function extent(formula) {
    const inside = document.createRange();
    inside.selectNodeContents(formula.querySelector(".katex-html") ?? formula);
    return inside.getBoundingClientRect();
  }

  // Put a box in the place of what is inside each formula; return what undoes it.
  function emptyFormulas() {
    const formulas = [...document.querySelectorAll(".katex")];
    const extents = formulas.map(extent); // all are measured before any changes
    return formulas.map((formula, index) => {
      const { width, height } = extents[index];
      const box = document.createElement("span");
      const inside = [...formula.childNodes];
      box.textContent = "formula"; // axe does not judge a single letter
      box.style.cssText = `display: inline-block; vertical-align: top; width: ${width}px; height: ${height}px; overflow: hidden`;
      formula.replaceChildren(box);
      return () => formula.replaceChildren(...inside);
    });
  }

  // Return the elements with text of their own and the links, those that look the same together.
  function kinds() {
    const grounds = new Map([[null, ""]]);
    const ground = (one) => {
      if (!grounds.has(one)) {
        const above = ground(one.parentElement), own = styles(one, GROUND);
        grounds.set(one, above.endsWith(own) ? above : `${above}|${own}`);
      }
      return grounds.get(one);
    };
    const found = new Map();
    for (const one of document.body.querySelectorAll("*")) {
      const text = [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      const link = one.matches("a[href]");
      if (!text && !link && !one.matches("input, select, textarea")) continue;
      if (!one.checkVisibility({ visibilityProperty: true })) continue;
      const names = [one.tagName, one.className, one.parentElement.className];
      const beside = link ? styles(one.parentElement, LOOK) : "";
      const key = [...names, styles(one, LOOK), beside, ground(one)].join();
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(one);
    }
    return found;
  }

  const isWord = (one) =>
    one.matches("span") && !one.children.length && one.getAttributeNames().every((name) => name === "class");

  function plain(one) {
    const text = new Text(one.textContent);
    one.replaceWith(text);
    return () => text.replaceWith(one);
  }

  // Return three of the elements that look the same.
  function some(same) {
    const words = same.filter((one) => one.textContent.trim().length > 1);
    const seen = words.length ? words : same; // axe does not judge a single letter
    return [...new Set([seen[0], seen[seen.length >> 1], seen.at(-1)])];
  }

  const unmark = () => document.querySelectorAll("[data-kind]").forEach((one) => one.removeAttribute("data-kind"));

  window.makeThin = () => {
    const undo = emptyFormulas();
    for (const same of kinds().values()) {
      const kept = new Set(some(same));
      undo.push(...same.filter((one) => !kept.has(one) && isWord(one)).map(plain));
    }
    axe.configure({
      rules: [
        { id: "color-contrast", selector: "[data-kind]" },
        { id: "link-in-text-block", selector: "a[href][data-kind]" },
      ],
    });
    window.makeWhole = () => {
      unmark();
      undo.reverse().forEach((one) => one());
    };
  };

  // Mark what is judged in the colours and the width of now; return the kinds of text that are here.
  window.markKinds = (known) => {
    unmark();
    const judged = new Set(known);
    const here = kinds();
    for (const [kind, same] of here) {
      if (!judged.has(kind)) some(same).forEach((one) => (one.dataset.kind = ""));
    }
    return [...here.keys()];
  };
})();
