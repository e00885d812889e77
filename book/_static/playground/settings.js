// What is drawn, and the text that says it: a link holds everything, so that whoever opens it sees
// exactly this picture, whatever the defaults have become.
//   landscape=rosenbrock&start=-1.2,1&steps=200&run=adam,lr:0.05,beta1:0.9,beta2:0.999,eps:1e-8
(function (playground) {
  "use strict";

  const { LANDSCAPES, RULES } = playground;
  const MOST_RUNS = 6;
  const MOST_STEPS = 1000;

  // What a number may be: a test, and its words for the message.
  const between = (low, high) => [(v) => v >= low && v <= high, `a number from ${low} to ${high}`];
  const whole = (low, high) => [
    (v) => Number.isInteger(v) && v >= low && v <= high,
    `a whole number from ${low} to ${high}`,
  ];
  const ALLOWED = {
    positive: [(v) => v > 0, "a number above 0"],
    "not negative": [(v) => v >= 0, "a number of at least 0"],
    rate: [(v) => v >= 0 && v < 1, "a number of at least 0 and below 1"],
    "positive rate": [(v) => v > 0 && v < 1, "a number above 0 and below 1"],
    any: [() => true, "a number"],
  };
  const NUMBERS = {
    kappa: { label: "condition number κ", allowed: between(1, 1000) },
    noise: { label: "noise σ", allowed: between(0, 100) },
    seed: { label: "seed of the noise", allowed: whole(0, 999999) },
    steps: { label: "number of steps", allowed: whole(1, MOST_STEPS) },
  };

  const hyperAllowed = (rule, name) => ALLOWED[RULES[rule].allowed[name]];
  const symbol = (rule, name) => RULES[rule].symbols[name];

  function startAllowed(landscape, i) {
    return between(...LANDSCAPES[landscape].window[i]);
  }

  // Return the number that a text states; throw a sentence that names it and what is allowed.
  function number(name, text, [allows, words]) {
    const value = String(text).trim() === "" ? NaN : Number(text);
    if (!(Number.isFinite(value) && allows(value))) {
      throw new RangeError(`${name} must be ${words}, not “${text}”.`);
    }
    return value;
  }

  function defaultRun(name, landscape) {
    const rule = RULES[name];
    const { lr } = LANDSCAPES[landscape];
    const eta = rule.unit === "number" ? 1 : lr[rule.unit] * rule.share;
    return { rule: name, hyper: { lr: Number(eta.toPrecision(2)), ...rule.hyper } };
  }

  function defaults(landscape) {
    const { start, noise, kappa } = LANDSCAPES[landscape];
    const runs = ["gradient-descent", "momentum", "rmsprop", "adam"];
    return {
      landscape,
      kappa: kappa || 1,
      start,
      noise,
      seed: 1,
      steps: 200,
      t: null, // the last step
      runs: runs.map((name) => defaultRun(name, landscape)),
    };
  }

  function parseRun(text, landscape, problem) {
    const [name, ...pairs] = text.split(",");
    if (!Object.hasOwn(RULES, name)) {
      problem(`There is no rule “${name}”.`);
      return null;
    }
    const run = defaultRun(name, landscape);
    for (const pair of pairs) {
      const [key, value] = pair.split(":");
      if (!Object.hasOwn(run.hyper, key)) {
        problem(`${RULES[name].title} has no “${key}”.`);
        continue;
      }
      try {
        const label = `${symbol(name, key)} of ${RULES[name].title}`;
        run.hyper[key] = number(label, value, hyperAllowed(name, key));
      } catch (error) {
        problem(`${error.message} It is left at ${run.hyper[key]}.`);
      }
    }
    return run;
  }

  // Return the settings that a text states, and a sentence for each part that could not be used.
  function parse(text) {
    const query = new URLSearchParams(text);
    const problems = [];
    const problem = (sentence) => problems.push(sentence);
    let landscape = query.get("landscape") || "quadratic";
    if (!Object.hasOwn(LANDSCAPES, landscape)) {
      problem(`There is no landscape “${landscape}”. The quadratic is shown.`);
      landscape = "quadratic";
    }
    const settings = defaults(landscape);
    const take = (key, label, allowed, set) => {
      try {
        if (query.has(key)) set(number(label, query.get(key), allowed));
      } catch (error) {
        problem(`${error.message} The usual value is taken.`);
      }
    };
    for (const [key, { label, allowed }] of Object.entries(NUMBERS)) {
      take(key, label, allowed, (value) => (settings[key] = value));
    }
    take("t", "t", whole(0, settings.steps), (value) => (settings.t = value));
    if (query.has("start")) {
      try {
        const parts = query.get("start").split(",");
        settings.start = [0, 1].map((i) =>
          number(`x${"₁₂"[i]} of the start`, parts[i] ?? "", startAllowed(landscape, i)),
        );
      } catch (error) {
        problem(`${error.message} The usual start is taken.`);
      }
    }
    const runs = query.getAll("run").map((one) => parseRun(one, landscape, problem));
    const known = runs.filter(Boolean);
    if (known.length > MOST_RUNS) problem(`At most ${MOST_RUNS} rules race; the rest is left out.`);
    if (known.length) settings.runs = known.slice(0, MOST_RUNS);
    const keys = ["landscape", "start", "t", "run", ...Object.keys(NUMBERS)];
    for (const key of new Set(query.keys())) {
      if (!keys.includes(key)) problem(`There is no setting “${key}”.`);
    }
    return { settings, problems };
  }

  // Return the text of a link to these settings, with every number in it.
  function format(settings) {
    const parts = [
      `landscape=${settings.landscape}`,
      ...(LANDSCAPES[settings.landscape].kappa ? [`kappa=${settings.kappa}`] : []),
      `start=${settings.start.join(",")}`,
      `noise=${settings.noise}`,
      `seed=${settings.seed}`,
      `steps=${settings.steps}`,
      ...(settings.t === null ? [] : [`t=${settings.t}`]),
      ...settings.runs.map(({ rule, hyper }) => {
        const pairs = Object.entries(hyper).map(([key, value]) => `${key}:${value}`);
        return `run=${[rule, ...pairs].join(",")}`;
      }),
    ];
    return parts.join("&");
  }

  // Return what a run is called: its rule, η, and what differs from the rule's own defaults.
  function label({ rule, hyper }) {
    const own = RULES[rule].hyper;
    const other = Object.keys(own).filter((key) => hyper[key] !== own[key]);
    const said = ["lr", ...other].map((key) => `${symbol(rule, key)} = ${hyper[key]}`);
    return `${RULES[rule].title}, ${said.join(", ")}`;
  }

  Object.assign(playground, {
    NUMBERS,
    MOST_RUNS,
    defaultRun,
    defaults,
    format,
    hyperAllowed,
    label,
    number,
    parse,
    startAllowed,
    symbol,
  });
})((window.descentPlayground = window.descentPlayground || {}));
