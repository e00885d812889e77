// A function of x and y that the reader types in: read by a small parser, never run as a script, and
// differentiated in forward mode. A number goes through it as (value, ∂/∂x, ∂/∂y).
(function (playground) {
  "use strict";

  const MOST = 500; // characters
  const VARIABLES = { x: 0, x1: 0, y: 1, x2: 1 };
  const CONSTANTS = { pi: Math.PI, e: Math.E };
  const SAME = { "−": "-", "–": "-", "－": "-", "＋": "+", "×": "*", "·": "*", "⋅": "*", "÷": "/", "**": "^", "（": "(", "）": ")", "，": "," };
  const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const TOKEN = /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+−]?\d+)?)|(?<name>[A-Za-zπ_][\w₁₂]*)|(?<raised>[⁰¹²³⁴-⁹]+)|(?<sign>\*\*|[^]))/y;
  const BINDS = { "+": 1, "-": 1, "*": 2, "/": 2, "^": 4 };
  const [MINUS, POWER] = [3, 4]; // −x² is −(x²)

  // Functions of one number, each with its derivative; then those of two.
  const ONE = {
    sin: [Math.sin, Math.cos],
    cos: [Math.cos, (a) => -Math.sin(a)],
    tan: [Math.tan, (a) => 1 / Math.cos(a) ** 2],
    exp: [Math.exp, Math.exp],
    log: [Math.log, (a) => 1 / a],
    sqrt: [Math.sqrt, (a) => 0.5 / Math.sqrt(a)],
    abs: [Math.abs, Math.sign],
    tanh: [Math.tanh, (a) => 1 - Math.tanh(a) ** 2],
  };
  const power = (a, b) => (b === 2 ? a * a : a ** b);
  const TWO = {
    "+": [(a, b) => a + b, () => 1, () => 1],
    "-": [(a, b) => a - b, () => 1, () => -1],
    "*": [(a, b) => a * b, (a, b) => b, (a) => a],
    "/": [(a, b) => a / b, (a, b) => 1 / b, (a, b) => -a / b / b],
    "^": [power, (a, b) => b * power(a, b - 1), (a, b) => power(a, b) * Math.log(a)],
    min: [Math.min, (a, b) => Number(a <= b), (a, b) => Number(a > b)],
    max: [Math.max, (a, b) => Number(a >= b), (a, b) => Number(a < b)],
  };
  const FUNCTIONS = [...Object.keys(ONE), "min", "max"];

  // --- trees ---

  // A node is a number, a variable (0 or 1), or an operation; `of` says on which variables it
  // depends. An operation of numbers alone is computed, and must be a finite number.
  const number = (value) => ({ value, of: [false, false] });

  function apply(op, args, at = 0) {
    const [base, exponent] = args;
    if (op === "^" && exponent.value === 0) return number(1);
    if (op === "^" && exponent.value === 1) return base;
    const of = [0, 1].map((k) => args.some((arg) => arg.of[k]));
    const made = { op, args, of };
    if (of.some(Boolean)) return made;
    const { value } = dual(made, []);
    if (!Number.isFinite(value)) throw wrong(at, "this is no finite number");
    return number(value);
  }

  const wrong = (at, what) =>
    new RangeError(`At character ${at + 1}: ${what}. Allowed are x and y, numbers, pi and e, + - * / ^, parentheses, and ${FUNCTIONS.join(", ")}.`);

  // --- from text to tree ---

  function tokens(text) {
    const found = [];
    TOKEN.lastIndex = 0;
    for (let match; text.slice(TOKEN.lastIndex).trim() && (match = TOKEN.exec(text)); ) {
      const { number: digits, name, raised, sign } = match.groups;
      const written = digits ?? name ?? raised ?? sign;
      const token = { at: TOKEN.lastIndex - written.length, written };
      if (digits) found.push({ ...token, value: Number(digits.replace("−", "-")) });
      else if (name) found.push({ ...token, name: name.replace("₁", "1").replace("₂", "2").replace("π", "pi") });
      else if (raised) found.push({ ...token, sign: "^" }, { ...token, value: Number([...raised].map((one) => RAISED.indexOf(one)).join("")) });
      else found.push({ ...token, sign: SAME[sign] ?? sign });
    }
    return [...found, { at: text.length, end: true }];
  }

  // Return the tree of a text; throw a sentence that says where it is wrong and what is allowed.
  function parse(text) {
    if (text.length > MOST) throw new RangeError(`f(x, y) may have ${MOST} characters, not ${text.length}.`);
    const all = tokens(text);
    let next = 0;

    const is = (sign) => all[next].sign === sign;
    function take(sign) {
      const { at, written } = all[next];
      if (!is(sign)) throw wrong(at, written ? `“${sign}” is missing before “${written}”` : `“${sign}” is missing at the end`);
      next++;
    }

    function expression(least) {
      let left = operand();
      for (let { sign, at } = all[next]; BINDS[sign] >= least; { sign, at } = all[next]) {
        next++;
        left = apply(sign, [left, expression(BINDS[sign] + (sign === "^" ? 0 : 1))], at);
      }
      return left;
    }

    function operand() {
      const { at, value, name, sign, written, end } = all[next++];
      if (value === Infinity) throw wrong(at, "this is no finite number");
      if (value !== undefined) return number(value);
      if (name) return named(name, at);
      if (sign === "-") return apply("*", [number(-1), expression(MINUS)], at);
      if (sign === "+") return expression(MINUS);
      if (sign !== "(") throw wrong(at, end ? "something is missing at the end" : `“${written}” cannot stand here`);
      const inner = expression(1);
      take(")");
      return inner;
    }

    function named(name, at) {
      if (Object.hasOwn(VARIABLES, name)) return { variable: VARIABLES[name], of: [0, 1].map((k) => k === VARIABLES[name]) };
      if (Object.hasOwn(CONSTANTS, name)) return number(CONSTANTS[name]);
      const op = name === "ln" ? "log" : name;
      if (!FUNCTIONS.includes(op)) throw wrong(at, `“${name}” is not known`);
      if (!is("(")) throw wrong(at, `${name} needs parentheses, as in ${name}(x${op in ONE ? "" : ", y"})`);
      take("(");
      const args = [expression(1)];
      if (!(op in ONE)) {
        take(",");
        args.push(expression(1));
      }
      take(")");
      return apply(op, args, at);
    }

    const tree = expression(1);
    const { at, written, end, sign } = all[next];
    if (!end) throw wrong(at, sign && sign !== "(" ? `“${written}” cannot stand here` : `a sign is missing before “${written}”; a product is written with *`);
    return tree;
  }

  // --- forward mode ---

  // Return the value of a tree at a point and its derivatives along x and y.
  function dual(tree, point) {
    const { value, variable, op, args, of } = tree;
    if (value !== undefined) return { value, d: [0, 0] };
    if (variable !== undefined) return { value: point[variable], d: [0, 1].map((k) => Number(k === variable)) };
    const parts = args.map((arg) => dual(arg, point));
    const values = parts.map((part) => part.value);
    const [f, ...slopes] = ONE[op] ?? TWO[op];
    // What does not depend on a variable has no share, not even 0 · ∞.
    const along = (k) =>
      parts.reduce((sum, part, i) => (args[i].of[k] ? sum + slopes[i](...values) * part.d[k] : sum), 0);
    return { value: f(...values), d: of.map((depends, k) => (depends ? along(k) : 0)) };
  }

  // The value alone, on a whole grid.
  function evaluate({ value, variable, op, args }, x, y) {
    if (value !== undefined) return value;
    if (variable !== undefined) return variable ? y : x;
    const f = (ONE[op] ?? TWO[op])[0];
    return args.length > 1 ? f(evaluate(args[0], x, y), evaluate(args[1], x, y)) : f(evaluate(args[0], x, y));
  }

  playground.expression = { apply, dual, evaluate, number, parse };
})((globalThis.descentPlayground = globalThis.descentPlayground || {}));
