// Run a rule on a landscape and keep every point it visits, as descent/minimize.py does.
(function (playground, descent) {
  "use strict";

  const { NDArray, array, lists } = descent.python;
  const { LANDSCAPES, RULES, SCHEDULES } = descent;

  // A misprint or a variant has what its rule has, but for what it says itself.
  for (const [name, rule] of Object.entries(RULES)) {
    const own = rule.misprint ?? rule.variant;
    if (own) RULES[name] = { ...RULES[own], ...rule };
  }

  // What is known of the landscape of some settings: title, window, minimizer.
  const placeOf = ({ landscape, own }) => own ?? LANDSCAPES[landscape];

  // Return a landscape: `f` and `grad` take an array whose first axis holds the coordinates. Only
  // the quadratics look at the condition number.
  function landscapeAt({ landscape, kappa, own }) {
    if (own) return own;
    const { made, kappa: bent } = LANDSCAPES[landscape];
    const one = new descent[made](...(bent ? [[1, kappa]] : []));
    return { f: (x) => one.__call__(x), grad: (x) => lists(one.grad(x)) };
  }

  // What coordinate i has of a state, and of the numbers that were computed on the way to it.
  function shown(state, rule, i) {
    const part = (value) => (value instanceof NDArray ? value.data[value.size > 1 ? i : 0] : value);
    const entries = Object.entries({ ...rule.shown, ...state });
    return Object.fromEntries(entries.map(([key, value]) => [key, part(value)]));
  }

  // How many steps a share of them all is.
  const stepsOf = (share, steps) => Math.max(1, Math.floor(share * steps));

  // Return η as a number, or as a function of the step that a schedule makes of it.
  function rate({ hyper: { lr }, schedule }, steps) {
    const { made, shares } = SCHEDULES[schedule];
    const parts = Object.keys(descent[made].prototype.fields).slice(1).map((name) =>
      name in shares ? stepsOf(shares[name], steps) : undefined,
    );
    const shape = new descent[made](lr, ...parts);
    return parts.length ? (t) => shape._at(t) : lr;
  }

  // Entry t of x, f, g and states is the state of things after t steps; step t follows g[t - 1].
  // A run ends at its last finite point, at the latest at its start. A rule for matrices takes a point as a matrix of one row.
  function minimize(settings, run) {
    const { f, grad } = landscapeAt(settings);
    const { made, matrix } = RULES[run.rule];
    const hyper = { ...run.hyper, lr: rate(run, settings.steps) };
    const rule = new descent[made](...Object.keys(descent[made].prototype.fields).map((key) => hyper[key]));
    const shaped = (x) => array(matrix ? [x] : x);
    const noisy = (x, t) => {
      const [exact, noise] = [grad(x), playground.normal(settings.seed, t)];
      return exact.map((g, i) => g + settings.noise * noise[i]);
    };
    const path = { x: [], f: [], g: [], states: [] };
    let x = settings.start;
    let state = rule.init(shaped(x));
    for (let t = 0; t <= settings.steps; t++) {
      if (t) {
        const [moved, next] = rule.update(shaped(x), shaped(path.g[t - 1]), state);
        [x, state] = [[...moved.data], next];
      }
      const [value, g] = [f(x), noisy(x, t + 1)];
      const isFinite = [...x, value, ...g].every(Number.isFinite);
      if (t && !isFinite) break;
      path.x.push(x);
      path.f.push(value);
      path.g.push(g);
      path.states.push(x.map((_, i) => shown(state, rule, i)));
      if (!isFinite) break;
    }
    return path;
  }

  Object.assign(playground, { LANDSCAPES, RULES, SCHEDULES, landscapeAt, minimize, placeOf, rate, stepsOf });
})((window.descentPlayground = window.descentPlayground || {}), window.descent);
