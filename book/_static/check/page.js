// The page "Check your Adam": a formula goes in, in LaTeX or in parts, and what it is comes out.
(function (descent, playground) {
  "use strict";

  const { check, FACTS, html, LANDSCAPES, RULES } = descent;
  const { array, list, replaced } = descent.python;
  const MOST = 4000; // characters
  const STEPS = 100;
  const ADAM = String.raw`m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t \\
v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
\hat m_t = \frac{m_t}{1 - \beta_1^t}, \quad \hat v_t = \frac{v_t}{1 - \beta_2^t} \\
x_t = x_{t-1} - \eta \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}`;
  const EXAMPLES = {
    "Adam, its t frozen": ADAM.replaceAll("^t}", "}"),
    "Adam as in the paper": ADAM,
    "Adam without a root": ADAM.replace(String.raw`\sqrt{\hat v_t}`, String.raw`\hat v_t`),
    "Adam, ε inside the root": ADAM.replace(String.raw`\sqrt{\hat v_t} + \varepsilon`, String.raw`\sqrt{\hat v_t + \varepsilon}`),
    "Adam without correction": String.raw`m \leftarrow \beta_1 m + (1 - \beta_1) g \\
v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
\theta \leftarrow \theta - \alpha \frac{m}{\sqrt{v} + \epsilon}`,
    Momentum: String.raw`v_t = \gamma v_{t-1} + \eta \nabla_\theta J(\theta_{t-1}), \quad \theta_t = \theta_{t-1} - v_t`,
  };
  const LABELS = {
    m: "Average of the gradient",
    v: "Denominator",
    m_correction: "Correction of m",
    v_correction: "Correction of v",
    largest: "AMSGrad",
    numerator: "Look-ahead",
    eps: "Place of ε",
    decay: "Weight decay",
    root: "Root",
    heavy: "Momentum over the steps",
    is_sign: "Size of the step",
    ascent: "Direction",
  };
  const HYPER = {
    lr: ["η", 0.001, (v) => v > 0, "a number above 0"],
    beta1: ["β₁", 0.9, (v) => v >= 0 && v < 1, "a number of at least 0 and below 1"],
    beta2: ["β₂", 0.999, (v) => v >= 0 && v < 1, "a number of at least 0 and below 1"],
    eps: ["ε", 1e-8, (v) => v > 0, "a number above 0"],
    weight_decay: ["λ", 0.01, (v) => v > 0, "a number above 0"],
    momentum: ["μ", 0.9, (v) => v >= 0 && v < 1, "a number of at least 0 and below 1"],
  };
  const written = (v) => String(v).replace("-", "−");
  const short = (v) => written(Number.isFinite(v) ? Number(v.toPrecision(4)) : v);
  const upper = (text) => (/^[a-z]{2}/.test(text) ? text[0].toUpperCase() + text.slice(1) : text);
  let names = 0;

  function labelled(text, element) {
    element.id = `check-${names++}`;
    return html("div", { class: "field" }, html("label", { for: element.id }, text), element);
  }

  function choice(label, options, change, chosen) {
    const all = options.map(([value, text]) => html("option", { value, selected: value === chosen }, text));
    const select = html("select", { change: () => change(select.value) }, ...all);
    return { select, root: labelled(label, select) };
  }

  function start(host) {
    const pages = JSON.parse(host.dataset.pages);
    let candidate = null;
    let answer = null;
    let later = null;

    // --- LaTeX ----------------------------------------------------------------------------------

    const text = html("textarea", {
      rows: 6,
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      keydown: (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && run(),
    });
    text.value = EXAMPLES["Adam, its t frozen"];
    const examples = choice("Example", Object.keys(EXAMPLES).map((name) => [name, name]), (name) => {
      text.value = EXAMPLES[name];
      run();
    });
    const latex = html("div", { class: "latex" }, labelled("Formula in LaTeX", text), examples.root);

    // --- parts ----------------------------------------------------------------------------------

    let parts = descent.BASES.item("adam");
    const numbers = Object.fromEntries(Object.entries(HYPER).map(([name, [, usual]]) => [name, usual]));
    const chosen = html("div", { class: "parts" });

    function buildParts() {
      const base = choice("Begin from", [["", "—"], ...descent.BASES.keys().map((name) => [name, RULES[name].title])], (name) => {
        if (!name) return;
        parts = descent.BASES.item(name);
        buildParts();
        chosen.querySelector("select").focus();
        run();
      });
      const selects = descent.OPTIONS.keys().map((name) => {
        const options = descent.OPTIONS.item(name).items().map(([value, words]) => [String(value), upper(words)]);
        const { root } = choice(LABELS[name] ?? name, options, (value) => {
          const own = descent.OPTIONS.item(name).keys().find((one) => String(one) === value);
          parts = replaced(parts, { [name]: own });
          buildNumbers();
          run();
        }, String(parts[name]));
        return root;
      });
      chosen.replaceChildren(base.root, ...selects, ...buildNumbers());
    }

    const fields = Object.fromEntries(Object.entries(HYPER).map(([name, [symbol, usual]]) => {
      const input = html("input", { type: "text", inputmode: "decimal", autocomplete: "off", value: usual, change: () => run() });
      return [name, { input, root: labelled(symbol, input) }];
    }));

    function buildNumbers() {
      return Object.entries(fields).map(([name, { root }]) => {
        root.hidden = !list(parts.free).includes(name);
        return root;
      });
    }

    function readNumbers() {
      for (const name of list(parts.free)) {
        const [symbol, , allows, words] = HYPER[name];
        const { input } = fields[name];
        const value = input.value.trim() === "" ? NaN : Number(input.value);
        const isRight = Number.isFinite(value) && allows(value);
        input.toggleAttribute("aria-invalid", false);
        if (!isRight) {
          input.setAttribute("aria-invalid", "true");
          throw new RangeError(`${symbol} must be ${words}, not “${input.value}”.`);
        }
        numbers[name] = value;
      }
      return Object.fromEntries(list(parts.free).map((name) => [name, numbers[name]]));
    }

    // --- the page -------------------------------------------------------------------------------

    let mode = "latex";
    const modes = [["latex", "LaTeX"], ["parts", "Parts"]].map(([value, label]) => {
      const input = html("input", { type: "radio", name: "check-mode", id: `check-mode-${value}`, value, checked: value === mode, change: () => show(value) });
      return html("span", {}, input, html("label", { for: input.id }, label));
    });
    const alerts = html("div", { class: "alerts", role: "alert" });
    const said = html("div", { class: "answer", role: "status" });
    const land = playground.landscapePlot();
    const loss = playground.lossPlot();
    land.root.setAttribute("role", "img");
    loss.root.setAttribute("role", "img");
    const legend = html("ul", { class: "legend" });
    const place = choice("Landscape", Object.entries(LANDSCAPES).filter(([, { noise }]) => !noise).map(([name, { title }]) => [name, title]), draw);
    const button = html("button", { type: "button", class: "go", click: run }, "Check");
    host.append(
      html("div", { class: "app", role: "group", "aria-label": "Check your Adam" },
        html("fieldset", { class: "modes" }, html("legend", {}, "Give the formula as"), ...modes),
        latex, chosen, button, alerts, said,
        html("div", { class: "choice" }, place.root),
        html("div", { class: "plots" }, land.root, loss.root),
        legend),
    );
    host.classList.add("live");

    function show(value) {
      mode = value;
      latex.hidden = mode !== "latex";
      chosen.hidden = mode !== "parts";
      button.hidden = mode !== "latex";
      run();
    }

    function complain(error) {
      answer = candidate = null;
      const tooDeep = error instanceof RangeError && /call stack/.test(error.message);
      const sentence = tooDeep ? "The formula is nested too deeply." : upper(error.message);
      alerts.replaceChildren(html("p", {}, sentence.endsWith(".") ? sentence : `${sentence}.`));
      said.replaceChildren(html("p", { class: "verdict" }, "Not read."));
      legend.replaceChildren();
      const at = /at character (\d+)/.exec(error.message);
      if (mode === "latex") {
        text.setAttribute("aria-invalid", "true");
        if (at) text.setSelectionRange(Number(at[1]) - 1, Number(at[1]));
      }
      draw();
    }

    function read() {
      if (mode === "parts") return check.fromParts(parts, readNumbers());
      if (!text.value.trim()) throw new RangeError("Write a formula, or take an example.");
      if (text.value.length > MOST) throw new RangeError(`A formula must have at most ${MOST} characters, not ${text.value.length}.`);
      return check.fromLatex(text.value);
    }

    // It takes a second or two: the page says so first.
    function run() {
      alerts.replaceChildren();
      text.removeAttribute("aria-invalid");
      said.replaceChildren(html("p", { class: "verdict" }, "Looking …"));
      clearTimeout(later);
      later = setTimeout(work, 50);
    }

    function work() {
      try {
        candidate = read();
        answer = check.identify(candidate);
      } catch (error) {
        complain(error);
        return;
      }
      tell();
      draw();
    }

    // --- the answer -----------------------------------------------------------------------------

    const titled = (name) => RULES[name]?.title ?? name;

    function link(kind, id, label) {
      return html("a", { href: `${pages[kind] ?? pages.formulas[id]}#${id}` }, label);
    }

    function tell() {
      const { verdict, name, names: all, says, changes, erratum, formula, hyper, right, why } = answer;
      const lines = [];
      const line = (...parts_) => lines.push(html("p", {}, ...parts_));
      const heads = {
        rule: () => `This is ${titled(name)}.`,
        misprint: () => `This is a misprint of ${titled(answer.rightName)}.`,
        variant: () => `This is ${titled(name)} with ${changes.length === 1 ? "a change" : `${changes.length} changes`}.`,
        unknown: () => "Unknown.",
      };
      lines.push(html("p", { class: "verdict" }, heads[verdict]()));
      if (says) line(verdict === "rule" ? upper(says) : says);
      if (changes) line(`${upper(changes.join("; "))}.`);
      if (why) line(why);
      if (all && all.length > 1) line(`The same as ${all.slice(1).join(", ")}.`);
      if (erratum && pages.known[erratum]) line("Erratum ", link("errata", pages.known[erratum], erratum), `, ${name}.`);
      else if (erratum) line(`Known as ${name} (${erratum}).`);
      if (formula && pages.formulas[formula]) line(verdict === "rule" ? "Formula " : "Right: formula ", link("", formula, formula), ".");
      if (hyper) line(`With ${Object.entries(hyper).map(([key, value]) => `${(HYPER[key] ?? RULES[name]?.symbols[key] ?? [key])[0]} = ${short(value)}`).join(", ")}.`);
      const example = right && check.counterexample(candidate.fresh, right);
      if (example) line(sentence(example));
      said.replaceChildren(...lines);
    }

    function sentence({ start: x, gradients, got, right }) {
      const first = gradients.slice(0, 4).map(short).join(", ");
      const all = gradients.length > 4 ? `${gradients.length} gradients ${first}, …` : `Gradients ${first}`;
      let digits = 4;
      while (digits < 16 && got.toPrecision(digits) === right.toPrecision(digits)) digits++;
      const [one, other] = [got, right].map((v) => written(v.toPrecision(digits)));
      return `${all} from x = ${short(x)} lead to ${one}, not to ${other}.`;
    }

    // --- the picture ----------------------------------------------------------------------------

    const titleOfRight = () => titled(answer.verdict === "misprint" ? answer.rightName : answer.name);

    // The path of a candidate, its step size one that suits the landscape.
    function path(fresh, settings) {
      const { f, grad } = playground.landscapeAt(settings);
      const found = { x: [], f: [] };
      const step = fresh(array(settings.start));
      let x = array(settings.start);
      for (let t = 0; t <= settings.steps; t++) {
        const value = f(x);
        if (![...x.data, value].every(Number.isFinite)) break;
        found.x.push([...x.data]);
        found.f.push(value);
        x = step(x, array(grad(x)));
      }
      return found;
    }

    function draw() {
      const landscape = place.select.value;
      const { kappa, start: from, title } = LANDSCAPES[landscape];
      const settings = { landscape, kappa: kappa ?? 1, start: from, steps: STEPS };
      const runs = [];
      if (candidate) {
        const base = RULES[answer.rightName ?? answer.name] ?? RULES.adam;
        const lr = LANDSCAPES[landscape].lr[base.unit] ?? 1;
        runs.push(["Yours", path(rated(candidate, lr), settings)]);
        if (answer.right) runs.push([titleOfRight(), path(check.stepper(withRate(answer.right, lr)), settings)]);
      }
      land.draw(settings, runs.map(([, one]) => one), STEPS);
      if (runs.length) loss.draw(settings, runs.map(([, one]) => one), STEPS);
      legend.replaceChildren(...runs.map(([name, one], i) => {
        const end = one.f.length > STEPS ? `f = ${short(one.f.at(-1))}` : `overflowed after step ${one.f.length - 1}`;
        return html("li", {}, playground.sample(i), html("span", {}, name), html("span", { class: "value" }, end));
      }));
      const words = runs.map(([name, one]) => `${name}: f = ${short(one.f.at(-1))} after ${one.f.length - 1} steps.`).join(" ");
      land.root.setAttribute("aria-label", `${title}, the paths of ${runs.map(([name]) => name).join(" and ") || "no rule"}`);
      loss.root.setAttribute("aria-label", `Loss above its minimum against the step. ${words}`);
    }

    function rated(one, lr) {
      if (one.parts) return check.stepper(check.composedOf(one.parts, { ...numbers, lr }));
      return check.withRate(one, lr);
    }

    function withRate(rule, lr) {
      const fields_ = Object.keys(rule.fields);
      return new rule.constructor(...fields_.map((key) => (key === "lr" ? lr : rule[key])));
    }

    buildParts();
    show(mode);
  }

  document.querySelectorAll(".check[data-pages]").forEach(start);
})(window.descent, window.descentPlayground);
