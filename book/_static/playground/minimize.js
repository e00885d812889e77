// Run a rule on a landscape and keep every point it visits, as descent/minimize.py does.
(function (playground) {
  "use strict";

  // Entry t of x, f, g and states is the state of things after t steps; step t follows g[t - 1].
  // A run ends at its last finite point.
  function minimize(settings, run) {
    const { f, grad } = playground.LANDSCAPES[settings.landscape].at(settings.kappa);
    const rule = playground.RULES[run.rule];
    const noisy = (x, t) => {
      const [exact, noise] = [grad(x), playground.normal(settings.seed, t)];
      return exact.map((g, i) => g + settings.noise * noise[i]);
    };
    const path = { x: [], f: [], g: [], states: [] };
    let x = settings.start;
    let states = x.map(() => rule.init);
    for (let t = 0; t <= settings.steps; t++) {
      if (t) {
        const g = path.g[t - 1];
        const moved = x.map((coordinate, i) => rule.update(coordinate, g[i], states[i], run.hyper));
        x = moved.map(([coordinate]) => coordinate);
        states = moved.map(([, state]) => state);
      }
      const [value, g] = [f(x), noisy(x, t + 1)];
      if (![...x, value, ...g].every(Number.isFinite)) break;
      path.x.push(x);
      path.f.push(value);
      path.g.push(g);
      path.states.push(states);
    }
    return path;
  }

  Object.assign(playground, { minimize });
})((window.descentPlayground = window.descentPlayground || {}));
