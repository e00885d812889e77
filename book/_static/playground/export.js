// A picture to take along: as SVG, and as a cell of Python that gives the same numbers.
(function (playground) {
  "use strict";

  const { LANDSCAPES, RULES, svg } = playground;
  const LOOK = [
    ...["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"],
    ...["opacity", "font-family", "font-size", "text-anchor"],
  ];

  // --- Python ---

  const float = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));
  const made = (name, hyper) => `${name}(${Object.entries(hyper).map(([key, value]) => `${key}=${value}`).join(", ")})`;

  function inPython(settings) {
    const { landscape, kappa, start, noise, seed, steps, runs } = settings;
    const { made: kind, kappa: bent } = LANDSCAPES[landscape];
    const named = (wrong) => runs.filter(({ rule }) => Boolean(RULES[rule].misprint) === wrong).map(({ rule }) => RULES[rule].made);
    const [names, misprints] = [false, true].map((wrong) => [...new Set(named(wrong))].sort());
    const matrices = names.filter((name) => Object.values(RULES).some((rule) => rule.made === name && rule.matrix));
    const slope = noise ? `f.grad(x.reshape(2)) + ${noise} * normal(${seed}, next(count))` : "f.grad(x.reshape(2))";
    const shape = matrices.length ? `(1, 2) if isinstance(rule, (${matrices.join(", ")},)) else (2,)` : "(2,)";
    return [
      ...(noise ? ["import itertools", "import math", ""] : []),
      "import numpy as np",
      "",
      "from descent import minimize",
      `from descent.landscapes import ${kind}`,
      ...(misprints.length ? [`from descent.misprints import ${misprints.join(", ")}`] : []),
      ...(names.length ? [`from descent.rules import ${names.join(", ")}`] : []),
      "",
      ...(noise ? [playground.NOISE_IN_PYTHON] : []),
      `f = ${kind}(${bent ? `[1.0, ${float(kappa)}]` : ""})`,
      `start = np.array([${start.map(float).join(", ")}])`,
      "rules = [",
      ...runs.map(({ rule, hyper }) => `    ${made(RULES[rule].made, hyper)},`),
      "]",
      "runs = []",
      "for rule in rules:",
      `    shape = ${shape}`,
      ...(noise ? ["    count = itertools.count(1)"] : []),
      "    run = minimize(",
      "        lambda x: f(x.reshape(2)),",
      "        start.reshape(shape),",
      "        rule,",
      `        steps=${steps},`,
      `        grad=lambda x: (${slope}).reshape(shape),`,
      '        nonfinite="stop",',
      "    )",
      "    runs.append(run)",
      '    print(f"{rule}: x = {run.x[-1].ravel()}, f = {run.f[-1]:.6g}")',
      "",
    ].join("\n");
  }

  // --- SVG ---

  // A copy that looks the same without the page's style sheets.
  function alone(drawn) {
    const copy = drawn.cloneNode(true);
    const [own, copies] = [drawn, copy].map((root) => [root, ...root.querySelectorAll("*")]);
    own.forEach((one, i) => {
      const look = getComputedStyle(one);
      for (const name of LOOK) copies[i].setAttribute(name, look.getPropertyValue(name));
      for (const name of ["class", "tabindex", "role", "style"]) copies[i].removeAttribute(name);
    });
    copy.querySelectorAll("[aria-valuetext]").forEach((handle) => handle.remove());
    return copy;
  }

  function asSvg(pictures, source) {
    const boxes = pictures.map((one) => one.viewBox.baseVal);
    const width = boxes.reduce((sum, box) => sum + box.width, 0);
    const height = Math.max(...boxes.map((box) => box.height));
    const ground = getComputedStyle(document.body).backgroundColor;
    const root = svg("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height });
    root.append(svg("desc", {}, source), svg("rect", { width, height, fill: ground }));
    let x = 0;
    pictures.forEach((one, i) => {
      const copy = alone(one);
      for (const [key, value] of Object.entries({ x, width: boxes[i].width, height: boxes[i].height })) copy.setAttribute(key, value);
      x += boxes[i].width;
      root.append(copy);
    });
    return new XMLSerializer().serializeToString(root);
  }

  function save(name, text, type) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    window.descent.html("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  Object.assign(playground, { asSvg, inPython, save });
})((window.descentPlayground = window.descentPlayground || {}));
