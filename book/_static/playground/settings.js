// What is drawn, and the text that says it: a link holds everything, so that whoever opens it sees
// exactly this picture, whatever the defaults have become.
//   landscape=rosenbrock&start=-1.2,1&steps=200&run=adam,lr:0.05,beta1:0.9,beta2:0.999,eps:1e-8
(function (playground) {
  "use strict";

  const { LANDSCAPES, RULES, SCHEDULES, expression, placeOf } = playground;
  const MOST_RUNS = 6;
  const MOST_STEPS = 1000;
  const CONSTANT = "constant";
  const SCHEDULE_NAMES = {
    constant: "Constant η",
    linear: "Linear to zero",
    cosine: "Cosine to zero",
    step: "Step by step",
    "warm-up": "Warm-up first",
  };

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

  const startAllowed = (place, i) => between(...place.window[i]);

  // Return the number that a text states; throw a sentence that names it and what is allowed.
  function number(name, text, [allows, words]) {
    const value = String(text).trim() === "" ? NaN : Number(text);
    if (!(Number.isFinite(value) && allows(value))) {
      throw new RangeError(`${name} must be ${words}, not “${text}”.`);
    }
    return value;
  }

  // A rule with what suits a landscape.
  function defaultRun(name, { lr }) {
    const rule = RULES[name];
    const eta = rule.unit === "number" ? 1 : lr[rule.unit] * rule.share;
    return { rule: name, hyper: { lr: Number(eta.toPrecision(2)), ...rule.hyper }, schedule: CONSTANT };
  }

  // The same run by another form of its rule; a single ε moves to where that form has it.
  function switched({ rule, hyper, schedule }, name, place) {
    const fresh = Object.entries(defaultRun(name, place).hyper);
    const kept = Object.fromEntries(fresh.map(([key, value]) => [key, hyper[key] ?? value]));
    const eps = hyper.eps || (hyper.eps_root ?? 0);
    const moved = "eps_root" in kept ? { eps: 0, eps_root: eps } : { eps };
    return { rule: name, hyper: { ...kept, ...moved }, schedule };
  }

  // --- a function of the reader's own ---

  const OWN = "own";
  const EXAMPLE = "sin(2*x) * cos(2*y) + 0.1 * (x^2 + y^2)";
  const WIDTH = [1e-3, 1e4]; // of its window
  const SPOTS = 24; // cells along each side, on which its size and its slopes are looked at

  // Return a landscape as LANDSCAPES has them, with `f` and `grad` of a point, and `values` of a grid.
  function ownPlace(text, [from, to]) {
    const tree = expression.parse(text);
    if (!(to - from >= WIDTH[0] && Math.max(-from, to) <= WIDTH[1])) {
      throw new RangeError(`The axes must go from a number to a larger one, both from −${WIDTH[1]} to ${WIDTH[1]}.`);
    }
    const at = (i) => from + ((to - from) * i) / SPOTS;
    const spots = Array.from({ length: (SPOTS + 1) ** 2 }, (_, i) => [at(i % (SPOTS + 1)), at(Math.floor(i / (SPOTS + 1)))]);
    const f = ([x, y]) => expression.evaluate(tree, x, y);
    const grad = (x) => expression.dual(tree, x).d;
    const known = spots.map((x) => ({ x, f: f(x) })).filter((spot) => Number.isFinite(spot.f));
    if (!known.length) throw new RangeError(`f(x, y) has no finite value on the axes from ${from} to ${to}.`);
    const best = known.reduce((a, b) => (b.f < a.f ? b : a));
    const high = most(known.map((spot) => spot.f - best.f));
    const found = lowest(f, best, (to - from) / SPOTS, [from, to]);
    const minimizer = best.f - f(found) > 10 * high ? best.x : found; // it is not followed into a pole
    const top = Math.floor(Math.log(high + best.f - f(minimizer)) / Math.log(4));
    return {
      text,
      tree,
      f,
      grad,
      minimizer,
      title: "Your own function",
      window: [[from, to], [from, to]],
      start: nearest([at(3), at(17)], known, grad).map((x) => Number(x.toPrecision(3))),
      noise: 0,
      lr: { gradient: 1 / steepest(grad, known, (to - from) / SPOTS), position: (to - from) / 60 },
      levels: Number.isFinite(top) ? [top - 6, top + 1] : [0, -1],
    };
  }

  // The lowest point about a spot, by steps along the axes that are halved where none leads down.
  function lowest(f, { x, f: least }, step, [from, to]) {
    for (let tries = 0; step > 1e-12 * (to - from) && tries < 400; tries++) {
      const around = [[step, 0], [-step, 0], [0, step], [0, -step]].map((d) => x.map((v, i) => Math.min(Math.max(v + d[i], from), to)));
      const best = around.map((point) => ({ point, value: f(point) })).find(({ value }) => value < least && value > -Infinity);
      if (best) [x, least] = [best.point, best.value];
      else step /= 2;
    }
    return x;
  }

  // The spot that is nearest to a point and has a finite slope.
  function nearest([x, y], spots, grad) {
    const sloping = spots.filter((spot) => grad(spot.x).every(Number.isFinite));
    const far = (spot) => Math.hypot(spot.x[0] - x, spot.x[1] - y);
    return sloping.length ? sloping.reduce((a, b) => (far(b) < far(a) ? b : a)).x : [x, y];
  }

  // What nine in ten of some numbers do not exceed: a pole does not count.
  const most = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(0.9 * numbers.length)] ?? 0;

  // How fast the gradient changes from spot to spot: about the largest curvature.
  function steepest(grad, spots, step) {
    const change = ({ x }) => {
      const g = grad(x);
      return [[step, 0], [0, step]].map((d) => Math.hypot(...grad(x.map((v, i) => v + d[i])).map((slope, i) => slope - g[i])) / step);
    };
    return Math.min(most(spots.flatMap(change).filter(Number.isFinite)), 1e12) || 1;
  }

  function ownDefaults(own) {
    return { ...usual(own), landscape: OWN, own };
  }

  function defaults(landscape) {
    if (landscape === OWN) return ownDefaults(ownPlace(EXAMPLE, [-3, 3]));
    return { ...usual(LANDSCAPES[landscape]), landscape };
  }

  function usual(place) {
    const { start, noise, kappa } = place;
    const runs = ["gradient-descent", "momentum", "rmsprop", "adam"];
    return {
      kappa: kappa || 1,
      start,
      noise,
      seed: 1,
      steps: 200,
      t: null, // the last step
      runs: runs.map((name) => defaultRun(name, place)),
    };
  }

  function parseRun(text, place, problem) {
    const [name, ...pairs] = text.split(",");
    if (!Object.hasOwn(RULES, name)) {
      problem(`There is no rule “${name}”.`);
      return null;
    }
    const run = defaultRun(name, place);
    for (const pair of pairs) {
      const [key, value] = pair.split(":");
      if (key === "schedule") {
        if (Object.hasOwn(SCHEDULES, value)) run.schedule = value;
        else problem(`There is no schedule “${value}”.`);
        continue;
      }
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
    if (landscape !== OWN && !Object.hasOwn(LANDSCAPES, landscape)) {
      problem(`There is no landscape “${landscape}”. The quadratic is shown.`);
      landscape = "quadratic";
    }
    let settings = defaults(landscape);
    if (landscape === OWN) {
      try {
        const { text: f, window } = settings.own;
        const axes = query.get("axes")?.split(",").map((part) => number("the axes", part, ALLOWED.any));
        settings = ownDefaults(ownPlace(query.get("f") ?? f, axes ?? window[0]));
      } catch (error) {
        problem(`${error.message} The usual function is shown.`);
      }
    }
    const place = placeOf(settings);
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
          number(`x${"₁₂"[i]} of the start`, parts[i] ?? "", startAllowed(place, i)),
        );
      } catch (error) {
        problem(`${error.message} The usual start is taken.`);
      }
    }
    const runs = query.getAll("run").map((one) => parseRun(one, place, problem));
    const known = runs.filter(Boolean);
    if (known.length > MOST_RUNS) problem(`At most ${MOST_RUNS} rules race; the rest is left out.`);
    if (known.length) settings.runs = known.slice(0, MOST_RUNS);
    const keys = ["landscape", "start", "t", "run", ...Object.keys(NUMBERS), ...(landscape === OWN ? ["f", "axes"] : [])];
    for (const key of new Set(query.keys())) {
      if (!keys.includes(key)) problem(`There is no setting “${key}”.`);
    }
    return { settings, problems };
  }

  // Return the text of a link to these settings, with every number in it.
  function format(settings) {
    const { own } = settings;
    const parts = [
      `landscape=${settings.landscape}`,
      ...(own ? [`f=${encodeURIComponent(own.text)}`, `axes=${own.window[0].join(",")}`] : []),
      ...(placeOf(settings).kappa ? [`kappa=${settings.kappa}`] : []),
      `start=${settings.start.join(",")}`,
      `noise=${settings.noise}`,
      `seed=${settings.seed}`,
      `steps=${settings.steps}`,
      ...(settings.t === null ? [] : [`t=${settings.t}`]),
      ...settings.runs.map(({ rule, hyper, schedule }) => {
        const pairs = Object.entries(hyper).map(([key, value]) => `${key}:${value}`);
        const named = schedule === CONSTANT ? [] : [`schedule:${schedule}`];
        return `run=${[rule, ...pairs, ...named].join(",")}`;
      }),
    ];
    return parts.join("&");
  }

  // Return what a run is called: its rule, η, and what differs from the rule's own defaults.
  function label({ rule, hyper, schedule }) {
    const own = RULES[rule].hyper;
    const other = Object.keys(own).filter((key) => hyper[key] !== own[key]);
    const said = ["lr", ...other].map((key) => `${symbol(rule, key)} = ${hyper[key]}`);
    if (schedule !== CONSTANT) said.push(SCHEDULE_NAMES[schedule]);
    return `${RULES[rule].title}, ${said.join(", ")}`;
  }

  Object.assign(playground, {
    NUMBERS,
    MOST_RUNS,
    OWN,
    SCHEDULE_NAMES,
    defaultRun,
    defaults,
    ownDefaults,
    ownPlace,
    switched,
    format,
    hyperAllowed,
    label,
    number,
    parse,
    startAllowed,
    symbol,
  });
})((window.descentPlayground = window.descentPlayground || {}));
