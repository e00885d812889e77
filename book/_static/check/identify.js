// Which rule is this? What makes the steps of the candidate over 500 hostile gradients is its name.
// A hyper-parameter can be any number that stands in the formula, or that follows from those that
// do: the letters have values, so nothing has to be fitted. What no entry of the catalogue makes,
// and no rule with known changes, is unknown. Nothing is named that the long run refutes.
(function (descent, playground) {
  "use strict";

  const { NDArray, array, list } = descent.python;
  const { ENTRIES, FACTS } = descent;
  const RATES = ["momentum", "rho", "beta1", "beta2"];
  const STEPS = 500;
  const RELATIVE = 1e-9;
  const PATIENCE = 10; // seconds
  const TINY = 1e-30; // where a formula has no ε

  // --- probes -----------------------------------------------------------------------------------

  // Starts and gradients, a column an experiment of its own: ordinary; with zeros and a late begin;
  // tiny; sparse; of alternating sign; with a spike; small; of sizes that wander over decades;
  // falling; none at all; and ordinary and small ones from starts away from 0.
  function hostile(steps = STEPS, seed = 0) {
    const x = array([0, 0.25, 0, -0.5, 0, 0.125, 0, 0, 0, 1, -2, 3, -0.75]);
    const column = (t, k) => playground.normal(1000 * seed + k, t)[0];
    const g = Array.from({ length: steps }, (_, t) => {
      const z = Array.from({ length: x.size }, (_z, k) => Number(column(t + 1, k).toFixed(6)));
      z[1] *= t > 2 && column(t + 1, 20) < 0.2;
      z[2] *= 1e-10;
      z[3] *= t % 17 === 4;
      z[4] = (t % 2 ? -1 : 1) * (1 + 0.1 * z[4]);
      z[5] = t === 39 ? 50 : 0.3 + 0.5 * z[5];
      z[6] *= 1e-5;
      z[7] *= 10 ** (3 * Math.sin(t / 30));
      z[8] *= 0.97 ** t;
      z[9] = 0;
      z[10] += 1;
      z[12] *= 1e-3;
      return array(z);
    });
    return { x, g };
  }

  // The points that a candidate visits: `fresh(x)` gives a function of x and g.
  function visited(fresh, { x, g }) {
    const step = fresh(x);
    const points = [x];
    const begun = Date.now();
    for (const one of g) {
      points.push(whole(step(points.at(-1), one), x));
      if (Date.now() - begun > 1000 * PATIENCE) throw new RangeError(`${g.length} steps take more than ${PATIENCE} s`);
    }
    return { x: points, g };
  }

  const whole = (value, x) => (value instanceof NDArray ? value : x.map(() => value));

  function stepper(rule) {
    return (x) => {
      let state = rule.init(x);
      return (at, g) => {
        const [moved, next] = rule.update(at, g, state);
        state = next;
        return moved;
      };
    };
  }

  // Where a rule goes from each point that was visited, so that no error hides in the next.
  function led(rule, { x, g }, steps, gradients = g) {
    const step = stepper(rule)(x[0]);
    return Array.from({ length: steps }, (_, t) => whole(step(x[t], gradients[t]), x[0]).data);
  }

  // The first step t = 1, 2, ... that a rule does not make: the difference is more than a share of
  // the displacements around it, and than rounding explains, which a change of the gradients in
  // their last digits shows.
  function parting(rule, visit, steps = STEPS) {
    for (const end of new Set([1, Math.min(steps, 4), steps])) {
      const bad = differences(rule, visit, end);
      if (bad !== null) return bad;
    }
    return null;
  }

  function differences(rule, visit, steps) {
    const model = led(rule, visit, steps);
    let other = null;
    for (let t = 0; t < steps; t++) {
      const [before, after] = [visit.x[t].data, visit.x[t + 1].data];
      for (let k = 0; k < before.length; k++) {
        if (near(visit, model, t, k, before, after)) continue;
        const apart = Math.abs(model[t][k] - after[k]);
        if (!(apart <= 1e-3 * Math.abs(after[k] - before[k]))) return t + 1;
        other ??= led(rule, visit, steps, shaken(visit.g.slice(0, steps)));
        const noise = Math.abs(model[t][k] - other[t][k]);
        if (!(apart <= allowed(visit, t, k, before, after) + 20 * noise)) return t + 1;
      }
    }
    return null;
  }

  function near(visit, model, t, k, before, after) {
    if (!Number.isFinite(after[k])) return !Number.isFinite(model[t][k]);
    return Math.abs(model[t][k] - after[k]) <= allowed(visit, t, k, before, after);
  }

  function allowed(visit, t, k, before, after) {
    const last = t ? Math.abs(before[k] - visit.x[t - 1].data[k]) : 0;
    const size = Math.max(Math.abs(after[k] - before[k]), last);
    return RELATIVE * size + 1e-15 * Math.max(Math.abs(before[k]), Math.abs(after[k]));
  }

  const shaken = (g) => g.map((one, t) => one.map((v, k) => v * (1 + 1e-14 * playground.normal(k + 50, t + 1)[0])));

  // Whether a rule makes the first two steps of the first column: that is asked of thousands.
  function begins(rule, { x, g }) {
    const step = stepper(rule)(x[0].data[0]);
    return [0, 1].every((t) => {
      const [before, after] = [x[t].data[0], x[t + 1].data[0]];
      return Math.abs(step(before, g[t].data[0]) - after) <= 1e-6 * Math.abs(after - before);
    });
  }

  const fits = (rule, visit) => begins(rule, visit) && parting(rule, visit) === null;

  // --- the catalogue ----------------------------------------------------------------------------

  function built([name, fields = {}], hyper) {
    const made = descent[name];
    const known = { ...fields, ...hyper };
    if (fields.rule) known.rule = built(fields.rule, hyper);
    return new made(...Object.keys(made.prototype.fields).map((key) => known[key]));
  }

  // The numbers that a hyper-parameter can be: those under its own letters, then what follows.
  // A cost goes with each: 0 where it stands in the formula under this meaning.
  function choices(name, { meant, numbers }) {
    const of = (...names) => names.flatMap((one) => meant[one] ?? []);
    const [lrs, rates] = [of("lr"), of("rate", ...RATES)];
    const small = numbers.filter((v) => v > 0 && v < 1);
    const found = [];
    const offer = (cost, ...values) => values.forEach((value) => found.push({ value, cost }));
    offer(0, ...of(name));
    if (RATES.includes(name)) {
      offer(0, ...of("rate"));
      offer(of(name).length ? 0.2 : 0, ...of(...RATES));
      offer(0.1, ...small, ...small.map((v) => Number((1 - v).toPrecision(12))));
      if (!found.length) offer(1, 0);
    } else if (name === "lr") {
      offer(0.1, ...small);
      offer(lrs.length ? 1 : 0, 1);
      offer(1, ...lrs.flatMap((v) => rates.flatMap((r) => [v * (1 - r), v / (1 - r), v * Math.sqrt(1 - r)])), ...rates);
    } else if (name === "eps") {
      offer(0.1, ...small.filter((v) => v < 0.1));
      offer(0.2, ...of("eps").flatMap((v) => rates.map((r) => v * Math.sqrt(1 - r)))); // v without its 1 − β₂
      if (!of("eps").length) offer(1, TINY);
    } else if (name === "eps_root" || name === "initial_accumulator" || name === "initial_scale") {
      offer(0, ...of("eps"));
      offer(0.1, ...small);
    } else if (name === "weight_decay") {
      offer(0.1, ...small);
      offer(0.5, ...of(name).flatMap((v) => lrs.flatMap((r) => [v * r, v / r])));
    } else {
      offer(0.1, ...small);
    }
    const seen = new Set();
    return found.filter(({ value }) => !seen.has(value) && seen.add(value));
  }

  // All hyper-parameters from these numbers, but for those of which too many only follow.
  function assignments(free, offers, most = 1.3) {
    let found = [{ hyper: {}, cost: 0 }];
    for (const name of free) {
      const more = ({ hyper, cost }) => offers(name).filter((one) => cost + one.cost <= most)
        .map((one) => ({ hyper: { ...hyper, [name]: one.value }, cost: cost + one.cost }));
      found = found.flatMap(more);
    }
    return found;
  }

  // Parts that a match must not owe its place to being as good as off.
  const OFF = ["weight_decay", "momentum", "dampening", "eps_root", "initial_scale", "initial_accumulator"];

  function hasPartOff(entry, hyper, visit) {
    return OFF.some((name) => {
      if (!(name in hyper)) return false;
      return parting(built(entry.rule, { ...hyper, [name]: 0 }), visit) === null;
    });
  }

  function matches(visit, offers) {
    const found = [];
    for (const entry of ENTRIES) {
      const tried = assignments(entry.free, offers).sort((a, b) => a.cost - b.cost);
      const right = tried.find(({ hyper }) => fits(built(entry.rule, hyper), visit));
      if (right && !hasPartOff(entry, right.hyper, visit)) {
        entry.names.forEach((name) => found.push({ ...named(name), ...right, entry }));
      }
    }
    return found;
  }

  function named(name) {
    if (Array.isArray(name)) {
      return { name: name[0], kind: "framework", family: name[1], shadow: name[2], switches: name[3] };
    }
    const { family, erratum } = FACTS[name];
    return { name, kind: erratum ? "misprint" : "rule", family, shadow: false, switches: 0 };
  }

  // How well a name fits, the best first: hyper-parameters as they stand in the formula, then a
  // rule, a framework's form of another rule, a misprint, a framework's form of its rule; then
  // the name that needs the fewest switches, and that has most of the letters.
  function best(found) {
    const slips = new Set(found.filter(({ kind }) => kind === "misprint").map(({ family }) => family));
    const kinds = ({ kind, family }) => ({ rule: 0, misprint: 2, framework: slips.has(family) ? 3 : 1 })[kind];
    const read = ({ hyper }) => -Object.keys(hyper).length;
    const rank = (one) => [one.cost >= 1 ? 1 : 0, one.cost, one.shadow ? 1 : 0, kinds(one), one.switches, read(one)];
    const before = (a, b) => rank(a).reduce((sign, value, i) => sign || value - rank(b)[i], 0);
    return [...found].sort(before);
  }

  // --- known rules with known changes -----------------------------------------------------------

  function composedOf(parts, hyper) {
    const names = Object.keys(descent.Composed.prototype.fields);
    return new descent.Composed(...names.map((name) => (name === "parts" ? parts : hyper[name])));
  }

  const kept = {};
  const coresOf = (changed) => (kept[changed] ??= descent.cores(changed));

  function variant(visit, offers) {
    const rests = visit.x[1].data[9] === visit.x[0].data[9];
    const decays = rests ? ["none"] : ["coupled", "decoupled", "after", "grown", "inside"];
    const ascent = (visit.x[1].data[0] - visit.x[0].data[0]) * visit.g[0].data[0] > 0;
    for (const changed of [1, 2]) {
      const found = [];
      for (const core of coresOf(changed)) {
        for (const outer of list(descent.with_outer(core, decays))) {
          const parts = descent.python.replaced(outer, { ascent });
          for (const { hyper, cost } of assignments(parts.free, offers, 0.15)) {
            const rule = composedOf(parts, hyper);
            if (fits(rule, visit)) {
              found.push({ parts, hyper, cost, ...told(parts) });
            }
          }
        }
      }
      found.sort((a, b) => a.changes.length - b.changes.length || a.cost - b.cost);
      if (found.length) return found[0];
    }
    return null;
  }

  function told(parts) {
    const name = descent.nearest(parts);
    return { name, changes: descent.changes(parts, descent.BASES.item(name)) };
  }

  // --- the answer -------------------------------------------------------------------------------

  // Return what a candidate is. `known` holds the numbers that stand in it: `meant` by the rules'
  // names of their letters, `numbers` without a letter; `parts` what it was put together from.
  function identify({ fresh, known, parts = null }) {
    const probe = hostile();
    const visit = visited(fresh, probe);
    if (!isElementwise(fresh, probe, visit)) {
      return { verdict: "unknown", why: "Its coordinates do not move each by itself." };
    }
    const offered = {};
    const offers = (name) => (offered[name] ??= choices(name, known));
    const found = best(matches(visit, offers));
    if (found.length) return answer(found, visit);
    const changed = parts ? { parts, hyper: hyperOf(parts, offers), ...told(parts) } : variant(visit, offers);
    if (!changed) return { verdict: "unknown", why: "No rule of the catalogue moves like this, nor one with two known changes." };
    const base = descent.BASES.item(changed.name);
    return {
      verdict: "variant",
      name: changed.name,
      changes: changed.changes,
      hyper: changed.hyper,
      formula: FACTS[changed.name].formula,
      right: composedOf(base, changed.hyper),
    };
  }

  const hyperOf = (parts, offers) => assignments(parts.free, offers)[0]?.hyper ?? {};

  function isElementwise(fresh, { x, g }, visit) {
    const turned = (one) => new NDArray(one.data.slice().reverse(), one.shape);
    const alone = visited(fresh, { x: turned(x), g: g.slice(0, 6).map(turned) });
    return alone.x.every((one, t) => {
      const whole_ = visit.x[t].data;
      return turned(one).data.every((v, k) => Object.is(v, whole_[k]) || Math.abs(v - whole_[k]) <= 1e-12 * Math.abs(v));
    });
  }

  function answer(found, visit) {
    const [first] = found;
    const isWrong = first.kind === "misprint";
    const same = found.filter((one) => isWrong === (one.kind === "misprint") && !one.shadow && one.cost < 1);
    const facts = FACTS[isWrong ? first.name : first.family];
    const hyper = withoutIdle(first, visit);
    if (hyper.eps === TINY) hyper.eps = 0;
    const right = FACTS[first.name]?.family ?? first.family;
    return {
      verdict: isWrong ? "misprint" : "rule",
      name: first.name,
      names: [...new Set([first.name, ...same.map(({ name }) => name)])],
      says: facts.says,
      erratum: facts.erratum ?? null,
      formula: facts.formula,
      hyper,
      right: isWrong ? ruleOf(right, hyper) : null,
      rightName: right,
    };
  }

  // The hyper-parameters whose change changes a step.
  function withoutIdle({ entry, hyper }, visit) {
    const changed = ([name, value]) => ({ ...hyper, [name]: value > 1e-3 ? value / 2 : 1e3 * value + 1e-3 });
    const works = (pair) => parting(built(entry.rule, changed(pair)), visit, 20) !== null;
    return Object.fromEntries(Object.entries(hyper).filter(works));
  }

  // The rule of a name with the hyper-parameters that it has.
  function ruleOf(name, hyper) {
    const entry = ENTRIES.find(({ names }) => names.includes(name));
    const own = Object.keys(descent[entry.rule[0]].prototype.fields);
    return built(entry.rule, Object.fromEntries(Object.entries(hyper).filter(([key]) => own.includes(key))));
  }

  // --- the formula ------------------------------------------------------------------------------

  // Return LaTeX as a candidate. What is not understood is an error that says where.
  function fromLatex(text) {
    const formula = new descent.Formula(descent.ordered(descent.statements(text)));
    const meant = {};
    for (const [letter, value] of formula.constants.items()) {
      const [own] = formula.meaning(letter) ?? [null];
      const is_rate = value === descent.RATE[1] && (own === null || own === "lr");
      (meant[is_rate ? "rate" : own] ??= []).push(value);
    }
    const nodes = formula.used.filter(({ kind }) => kind === "number").map(({ value }) => value);
    const letters = formula.constants.items();
    return { fresh: (x) => formula.fresh(x), known: { meant, numbers: [...new Set(nodes)] }, letters, formula };
  }

  // Return a function that begins a formula with another learning rate.
  function withRate({ formula, letters }, lr) {
    const isRate = (letter) => (formula.meaning(letter) ?? [null])[0] === "lr";
    return (x) => {
      for (const [letter, value] of letters) {
        if (isRate(letter) && value !== descent.RATE[1]) formula.constants.set(letter, lr);
      }
      const step = formula.fresh(x);
      for (const [letter, value] of letters) formula.constants.set(letter, value);
      return step;
    };
  }

  // Return a rule put together from parts as a candidate.
  function fromParts(parts, hyper) {
    const own = list(parts.free);
    const used = Object.entries(hyper).filter(([name]) => own.includes(name));
    const meant = Object.fromEntries(used.map(([name, value]) => [name, [value]]));
    const rule = composedOf(parts, hyper);
    return { fresh: stepper(rule), known: { meant, numbers: [] }, parts };
  }

  // --- the first gradients that tell two apart --------------------------------------------------

  const repeated = (g, n) => Array.from({ length: n }, () => g);

  function* sequences() {
    for (const g of [1, 0, -1, 10, 0.1, 0.01, 1e-4, 1e-6, 1e-8]) for (const x of [0, 1]) yield [x, [g]];
    for (const g of [1, 0, -1, 2, 10]) for (const h of [1, 0, -1, 2, 10]) for (const x of [0, 1]) yield [x, [g, h]];
    for (const g of [1, 0, -1, 10]) for (const h of [1, 0, -1, 10]) for (const k of [1, 0, -1, 10]) yield [0, [g, h, k]];
    for (const n of [5, 10, 20, 50, 102, 200]) {
      yield [0, repeated(1, n)];
      yield [0, repeated(1, n).map((g, i) => (i % 2 ? -g : g))];
      yield [0, [10, ...repeated(1, n - 1)]];
      yield [0, repeated(1e-6, n)];
    }
  }

  // Return the simplest gradients after which the candidate is elsewhere than a rule, or null.
  function counterexample(fresh, rule) {
    for (const least of [1e-2, 1e-4, 1e-7]) {
      for (const [start, gradients] of sequences()) {
        const probe = { x: array([start]), g: gradients.map((g) => array([g])) };
        const [got, right] = [fresh, stepper(rule)].map((one) => visited(one, probe).x.at(-1).data[0]);
        const moved = Math.max(Math.abs(got - start), Math.abs(right - start));
        const isApart = Number.isFinite(got) !== Number.isFinite(right) || Math.abs(got - right) > least * moved;
        if (isApart) return { start, gradients, got, right };
      }
    }
    return null;
  }

  descent.check = { composedOf, counterexample, fromLatex, fromParts, identify, ruleOf, stepper, visited, withRate };
})(globalThis.descent, globalThis.descentPlayground);
