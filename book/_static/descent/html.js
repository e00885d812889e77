// Elements made by script.
(function (descent) {
  "use strict";

  // Return an element. Attributes that are functions are listeners; children are nodes or text.
  function html(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(key, value);
      else if (value === true) element.setAttribute(key, "");
      else if (value !== false) element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }

  descent.html = html;
})((globalThis.descent = globalThis.descent || {}));
