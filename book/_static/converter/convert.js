// What the converter says, without its page: values as Python writes them, the optimiser that fits,
// the call to copy, and how far apart two optimisers go.
(function (descent, playground) {
  "use strict";

  const { array, dict, repr, ValueError } = descent.python;
  const STEPS = 500;
  const TINY = 1e-10;

  const frameworkOf = (name) => name.split(".")[0];
  const shortOf = (name) => name.split(".").at(-1).toLowerCase();
  const optimisersOf = (framework) => Object.keys(descent.OPTIMISERS).filter((name) => frameworkOf(name) === framework);

  // --- values as Python writes them ---

  const WORDS = { None: null, True: true, False: false, inf: Infinity, 'float("inf")': Infinity };

  function read(name, text) {
    const told = text.trim();
    if (told in WORDS) return WORDS[told];
    const quoted = /^(["'])(\w*)\1$/.exec(told);
    if (quoted) return quoted[2];
    const inside = /^[([](.*)[)\]]$/.exec(told)?.[1] ?? (told.includes(",") ? told : null);
    if (inside !== null) return inside.split(",").filter((part) => part.trim()).map((part) => read(name, part));
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(told)) {
      throw new ValueError(`${name} must be a number, None, or several in brackets, got ${repr(told)}`);
    }
    return Number(told);
  }

  function written(value) {
    if (typeof value === "function") return "schedule";
    if (Array.isArray(value)) return `(${value.map(written).join(", ")})`;
    return value === Infinity ? 'float("inf")' : repr(value ?? null);
  }

  function call(name, values) {
    const first = frameworkOf(name) === "torch" ? ["model.parameters()"] : [];
    const parts = [...first, ...values.items().map(([key, value]) => `${key}=${written(value)}`)];
    const line = `${name}(${parts.join(", ")})`;
    return line.length <= 60 ? line : `${name}(\n${parts.map((part) => `    ${part},\n`).join("")})`;
  }

  // --- the optimiser that fits ---

  function tried(source, target, given) {
    try {
      return { target, found: descent.convert(source, target, given) };
    } catch (error) {
      if (!(error instanceof descent.NoEquivalent)) throw error;
      return { target, why: error.message, nearest: error.nearest };
    }
  }

  // Of a framework's optimisers the one of the same name or another that makes the same steps;
  // where there is none, the one with the fewest differences.
  function fitting(source, framework, given) {
    const isNamesake = ({ target }) => shortOf(target) === shortOf(source);
    const all = optimisersOf(framework).map((target) => tried(source, target, given));
    all.sort((a, b) => isNamesake(b) - isNamesake(a));
    const wanted = descent._normal(descent.framework_rule(source, given));
    const apart = ({ target, nearest }) =>
      nearest ? descent._apart(descent._normal(descent.framework_rule(target, nearest)), wanted) : Infinity;
    const alike = all.find(({ found }) => found);
    return alike ?? all.map((one) => [apart(one), one]).reduce((a, b) => (b[0] < a[0] ? b : a))[1];
  }

  // --- how far apart two go ---

  function gradient(t) {
    return [...playground.normal(0, t), ...playground.normal(1, t)];
  }

  const START = [0.5, -0.25, 0.125, -0.5];
  const shaped = (rule, values) => (rule.elementwise ? array(values) : array(values).reshape(2, 2));

  function points(rule) {
    let x = shaped(rule, START);
    let state = rule.init(x);
    const found = [[...x.data]];
    for (let t = 1; t <= STEPS; t++) {
      [x, state] = rule.update(x, shaped(rule, gradient(t)), state);
      found.push([...x.data]);
    }
    return found;
  }

  // The largest distance of two runs, as a share of what a coordinate travelled in the first.
  function deviation(rule, other) {
    const [one, two] = [points(rule), points(other)];
    const shares = START.map((_, k) => {
      const distance = Math.max(...one.map((x) => Math.abs(x[k] - one[0][k])));
      const difference = Math.max(...one.map((x, t) => Math.abs(x[k] - two[t][k])));
      return difference === 0 ? 0 : difference / distance;
    });
    return Math.max(...shares);
  }

  function firstStep(rule) {
    const x = shaped(rule, [0, 0, 0, 0]);
    const [y] = rule.update(x, shaped(rule, [TINY, TINY, TINY, TINY]), rule.init(x));
    return y.data[0];
  }

  const difference = (rule, other) => ({
    deviation: deviation(rule, other),
    firstStep: firstStep(other) / firstStep(rule),
  });

  // A tenth of the learning rate in the second half of the run.
  const dropping = (lr) => (t) => (t <= STEPS / 2 ? lr : lr / 10);

  descent.converter = { call, difference, dict, dropping, fitting, frameworkOf, optimisersOf, read, tried, written };
})(window.descent, window.descentPlayground);
