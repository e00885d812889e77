// A picture to take along: as SVG, and as a cell of Python that gives the same numbers.
(function (playground) {
  "use strict";

  const { RULES, SCHEDULES, expression, svg } = playground;
  const LOOK = [
    ...["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"],
    ...["opacity", "font-family", "font-size", "text-anchor"],
  ];

  // --- Python ---

  const float = (value) => (/^-?\d+$/.test(value) ? `${value}.0` : String(value));
  const made = (name, hyper) => `${name}(${Object.entries(hyper).map(([key, value]) => `${key}=${value}`).join(", ")})`;

  // --- the reader's function, with its derivatives written out ---

  const { apply, number } = expression;
  const call = (op, a) => ({ op, args: [a], of: a.of });
  const isSo = (op, a, b) => call("float", { op, args: [a, b], of: [true, true] });
  const isNumber = (node, value) => node.value === value;
  const minus = (a) => times(number(-1), a);

  function times(a, b) {
    if (isNumber(a, 0) || isNumber(b, 0)) return number(0);
    return isNumber(a, 1) ? b : isNumber(b, 1) ? a : apply("*", [a, b]);
  }

  const plus = (a, b) => (isNumber(a, 0) ? b : isNumber(b, 0) ? a : apply("+", [a, b]));

  // The derivatives of an operation by what it is of.
  const SLOPES = {
    sin: (a) => [call("cos", a)],
    cos: (a) => [minus(call("sin", a))],
    tan: (a) => [apply("/", [number(1), apply("^", [call("cos", a), number(2)])])],
    exp: (a) => [call("exp", a)],
    log: (a) => [apply("/", [number(1), a])],
    sqrt: (a) => [apply("/", [number(0.5), call("sqrt", a)])],
    abs: (a) => [call("sign", a)],
    tanh: (a) => [apply("-", [number(1), apply("^", [call("tanh", a), number(2)])])],
    "+": () => [number(1), number(1)],
    "-": () => [number(1), number(-1)],
    "*": (a, b) => [b, a],
    "/": (a, b) => [apply("/", [number(1), b]), minus(apply("/", [a, apply("*", [b, b])]))],
    "^": (a, b) => [
      times(b, apply("^", [a, apply("-", [b, number(1)])])),
      apply("*", [apply("^", [a, b]), call("log", a)]),
    ],
    min: (a, b) => [isSo("<=", a, b), isSo(">", a, b)],
    max: (a, b) => [isSo(">=", a, b), isSo("<", a, b)],
  };

  function derivative(node, k) {
    if (!node.of[k]) return number(0);
    if (node.variable !== undefined) return number(1);
    const slopes = SLOPES[node.op](...node.args);
    return node.args.reduce((sum, arg, i) => (arg.of[k] ? plus(sum, times(slopes[i], derivative(arg, k))) : sum), number(0));
  }

  const CALLS = { min: "np.minimum", max: "np.maximum", float: "float" };

  function written({ value, variable, op, args }) {
    if (value !== undefined) return value < 0 ? `(${float(value)})` : float(value);
    if (variable !== undefined) return "xy"[variable];
    const parts = args.map(written);
    const isSign = !/\w/.test(op);
    return isSign ? `(${parts.join(` ${op === "^" ? "**" : op} `)})` : `${CALLS[op] ?? `np.${op}`}(${parts.join(", ")})`;
  }

  function ownInPython({ tree }) {
    const lines = [0, 1].map((k) => `    g${"xy"[k]} = ${written(derivative(tree, k))}`);
    return [
      "def f(x):",
      "    x, y = x",
      `    return ${written(tree)}`,
      "",
      "",
      "def slope(x):",
      "    x, y = x",
      ...lines,
      "    return np.array([gx, gy])",
      "",
      "",
    ];
  }

  // --- the cell ---

  const home = ({ misprint, variant }) => (misprint ? "misprints" : variant ? "conventions" : "rules");

  function imports(kind, runs) {
    const rules = runs.map(({ rule }) => RULES[rule]);
    const schedules = runs.filter(({ schedule }) => schedule !== "constant").map(({ schedule }) => SCHEDULES[schedule].made);
    const from = (module) => rules.filter((rule) => home(rule) === module).map((rule) => rule.made);
    const wanted = {
      conventions: from("conventions"),
      landscapes: kind ? [kind] : [],
      misprints: from("misprints"),
      rules: from("rules"),
      schedules,
    };
    return Object.entries(wanted).filter(([, names]) => names.length).map(([module, names]) =>
      `from descent.${module} import ${[...new Set(names)].sort().join(", ")}`,
    );
  }

  // A rule as it is made in Python; its η may be a schedule.
  function ruleInPython({ rule, hyper, schedule }, steps) {
    const { made: kind, shares } = SCHEDULES[schedule];
    const parts = Object.entries(shares).map(([name, share]) => [name, playground.stepsOf(share, steps)]);
    const lr = schedule === "constant" ? hyper.lr : made(kind, { lr: hyper.lr, ...Object.fromEntries(parts) });
    return `    ${made(RULES[rule].made, { ...hyper, lr })},`;
  }

  function inPython(settings) {
    const { kappa, start, noise, seed, steps, runs, own } = settings;
    const { made: kind, kappa: bent } = playground.placeOf(settings);
    const matrices = [...new Set(runs.map(({ rule }) => RULES[rule]).filter((rule) => rule.matrix).map((rule) => rule.made))].sort();
    const exact = `${own ? "slope" : "f.grad"}(x.reshape(2))`;
    const slope = noise ? `${exact} + ${noise} * normal(${seed}, next(count))` : exact;
    const shape = matrices.length ? `(1, 2) if isinstance(rule, (${matrices.join(", ")},)) else (2,)` : "(2,)";
    return [
      ...(noise ? ["import itertools", "import math", ""] : []),
      "import numpy as np",
      "",
      "from descent import minimize",
      ...imports(kind, runs),
      "",
      ...(noise ? [playground.NOISE_IN_PYTHON] : []),
      ...(own ? ownInPython(own) : [`f = ${kind}(${bent ? `[1.0, ${float(kappa)}]` : ""})`]),
      `start = np.array([${start.map(float).join(", ")}])`,
      "rules = [",
      ...runs.map((run) => ruleInPython(run, steps)),
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
