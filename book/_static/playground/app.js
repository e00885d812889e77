// The page around the pictures: controls, keyboard, the address, what is said aloud.
// Every <div class="playground" data-settings="..."> of the page becomes one.
(function (playground) {
  "use strict";

  const { html } = window.descent;
  const { LANDSCAPES, MOST_RUNS, NUMBERS, OWN, RULES, SCHEDULE_NAMES, placeOf } = playground;
  const wide = window.matchMedia("(min-width: 45rem)");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const written = (value) => String(value).replace("-", "−");
  const plain = (size) => size === 0 || (size >= 1e-3 && size < 1e5);
  const short = (value) =>
    plain(Math.abs(value))
      ? written(Number(value.toPrecision(4)))
      : value.toExponential(2).replaceAll("-", "−").replace("+", "");
  const point = (x) => `(${x.map(short).join(", ")})`;
  let names = 0;

  // What can be switched in Adam, one thing at a time: each form is a rule that the package has.
  const ADAM = "adam";
  const SWITCHES = {
    "Place of ε": {
      [ADAM]: "outside the root",
      "adam-optax": "inside the root",
      "adam-keras": "beside √v, before the correction",
    },
    "Bias correction": {
      [ADAM]: "of both averages",
      "adam-no-correction": "of neither average",
      "adam-only-m-corrected": "of m alone",
      "adam-corrected-twice": "of both, twice",
    },
  };
  const GROUPS = [
    ["Rules", ({ misprint, variant }) => !misprint && !variant],
    ["Frameworks", ({ variant }) => variant],
    ["Misprints", ({ misprint }) => misprint],
  ];
  const isSwitched = (rule) => Object.values(SWITCHES).some((forms) => rule in forms);

  // Where a number sits on its slider, and what number sits at a place of it.
  // Sizes are spread by decades, with 0 at the left end where it is allowed; decay rates by the
  // decades of 1 − β, so that 0.9, 0.99 and 0.999 are equally far apart.
  const PER_DECADE = 40;
  const decades = (low, high, zero = false) => ({
    max: (high - low) * PER_DECADE,
    value: (at) => (zero && at === 0 ? 0 : Number((10 ** (low + at / PER_DECADE)).toPrecision(3))),
    place: (value) => (value > 0 ? Math.round((Math.log10(value) - low) * PER_DECADE) : 0),
  });
  const complement = {
    max: 4 * PER_DECADE,
    value: (at) => Number((1 - Number((10 ** (-at / PER_DECADE)).toPrecision(3))).toFixed(7)),
    place: (value) => Math.round(-Math.log10(1 - value) * PER_DECADE),
  };
  const SCALES = {
    lr: decades(-5, 1),
    weight_decay: decades(-6, 0, true),
    kappa: decades(0, 3),
    noise: decades(-2, 2, true),
  };
  const SCALES_OF = {
    rate: complement,
    "positive rate": complement,
    "not negative": decades(-12, 1, true),
    positive: decades(-12, 1),
  };

  // A labelled choice of one of some values.
  function chosen(label, values, value, change) {
    const options = Object.entries(values).map(([one, text]) => html("option", { value: one, selected: one === value }, text));
    const id = `playground-${names++}`;
    const select = html("select", { id, change: () => change(select.value) }, ...options);
    return html("div", { class: "field wide" }, html("label", { for: id }, label), select);
  }

  // A labelled number: a field, and a slider beside it where there is a scale.
  // A number that is not allowed is refused with a message; the last one stays in force.
  function field({ label, name, value, allowed, scale, change, refuse }) {
    const id = `playground-${names++}`;
    const input = html("input", {
      id,
      name,
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      value,
      change: () => take(input.value),
    });
    const slider =
      scale &&
      html("input", {
        type: "range",
        min: 0,
        max: scale.max,
        "aria-label": `${label}, slider`,
        input: () => take(scale.value(Number(slider.value))),
      });

    function show(shown) {
      input.value = shown;
      input.removeAttribute("aria-invalid");
      if (!slider) return;
      slider.value = clamp(scale.place(shown), 0, scale.max);
      slider.setAttribute("aria-valuetext", String(shown));
    }

    function take(text) {
      try {
        const taken = playground.number(label, text, allowed);
        show(taken);
        change(taken);
      } catch (error) {
        input.setAttribute("aria-invalid", "true");
        refuse(`${error.message} ${written(value)} stays.`);
        return;
      }
      value = Number(text);
    }

    show(value);
    const root = html("div", { class: "field" }, html("label", { for: id }, label), input);
    if (slider) root.append(slider);
    return { root, show };
  }

  const ICONS = {
    first: "M3 3h2v10H3ZM13 3v10L6 8Z",
    back: "M10.5 3 5.5 8l5 5",
    play: "M4 2.5v11L13 8Z",
    pause: "M4 3h3v10H4ZM9 3h3v10H9Z",
    on: "M5.5 3l5 5-5 5",
    last: "M3 3v10l7-5ZM11 3h2v10h-2Z",
    remove: "M4 4l8 8M12 4l-8 8",
  };

  function icon(name) {
    const drawn = playground.svg("path", { d: ICONS[name] });
    return playground.svg("svg", { viewBox: "0 0 16 16", class: `icon ${name}`, "aria-hidden": "true" }, drawn);
  }

  function button(label, name, click) {
    const attributes = { type: "button", "aria-label": label, title: label, click };
    return html("button", attributes, icon(name));
  }

  function start(host) {
    const title = host.dataset.title;
    const isPage = host.hasAttribute("data-address"); // it keeps its state in the page's address
    let settings;
    let runs = [];
    let t = 0;
    let timer = null;
    let later = null;
    let touched = false; // the address is left alone until something is changed

    // --- the parts of the page ---

    const alerts = html("div", { class: "alerts", role: "alert" });
    const land = playground.landscapePlot();
    const loss = playground.lossPlot();
    const handle = playground.svg(
      "g",
      {
        class: "handle",
        tabindex: 0,
        role: "slider",
        "aria-roledescription": "start, movable with the arrow keys; the space bar runs and pauses",
        "aria-label": "Start",
      },
      playground.svg("circle", { class: "reach", r: 24 }),
      playground.svg("circle", { class: "ring", r: 9 }),
    );
    land.root.append(handle);
    land.root.setAttribute("role", "group");
    loss.root.setAttribute("role", "img");
    loss.root.setAttribute("aria-label", "Loss above its minimum against the step");

    const legend = html("ul", { class: "legend" });
    const spoken = html("p", { class: "spoken", role: "status" });
    const play = button("Play", "play", () => (timer ? pause() : begin()));
    const time = html("input", {
      type: "range",
      min: 0,
      "aria-label": "Step t",
      input: () => go(Number(time.value)),
    });
    const clock = html("output", { class: "clock" });
    const transport = html(
      "div",
      { class: "transport", role: "group", "aria-label": "Step through the race" },
      button("To the start", "first", () => go(0)),
      button("One step back", "back", () => go(t - 1)),
      play,
      button("One step on", "on", () => go(t + 1)),
      button("To the end", "last", () => go(settings.steps)),
      time,
      clock,
    );
    const choice = html(
      "select",
      { name: "landscape", "aria-label": "Landscape", change: () => moveTo(choice.value) },
      ...Object.entries(LANDSCAPES).map(([name, { title: text }]) => html("option", { value: name }, text)),
      html("option", { value: OWN }, "Your own function"),
    );
    const formula = html("span", { class: "formula" });
    const bend = html("div", { class: "bend" }); // the condition number, or the reader's function
    const ground = html("div", { class: "ground" });
    const cards = html("div", { class: "runners" });
    const add = html("button", { type: "button", class: "add", click: addRun }, "Add a rule");
    const table = html("div", { class: "state", tabindex: 0, role: "region" });
    table.setAttribute("aria-label", "The last step of each rule, in numbers");
    const link = html("a", { class: "link" }, isPage ? "Link to this picture" : "Open in the playground");
    const reset = html(
      "button",
      { type: "button", click: startOver },
      "Reset",
    );
    const copy = html("button", { type: "button", click: () => copyText(copy, () => link.href) }, "Copy the link");
    const python = html("button", { type: "button", click: () => copyText(python, () => playground.inPython(settings)) }, "Copy as Python");
    const picture = html("button", { type: "button", click: savePicture }, "Save as SVG");

    const details = (summary, open, ...children) =>
      html("details", { open }, html("summary", {}, summary), ...children);
    const app = html(
      "div",
      { class: "app", role: "group", "aria-label": title },
      ...(isPage ? [] : [html("p", { class: "title" }, title)]),
      html("div", { class: "choice" }, choice, formula, bend),
      alerts,
      html("div", { class: "plots" }, land.root, loss.root),
      legend,
      transport,
      cards,
      html("div", { class: "actions" }, add, reset, ...(isPage ? [copy, python, picture] : []), link),
      details("Start, noise, number of steps", isPage, ground),
      details("The last step in numbers", isPage, table),
      spoken,
    );

    // --- what happens ---

    function startOver() {
      touched = true;
      load(host.dataset.settings);
    }

    function load(text) {
      const { settings: parsed, problems } = playground.parse(text);
      pause();
      settings = parsed;
      t = settings.t ?? settings.steps;
      complain(...problems);
      buildOwn();
      buildGround();
      buildCards();
      race();
    }

    function complain(...sentences) {
      alerts.replaceChildren(...sentences.map((sentence) => html("p", {}, sentence)));
    }

    // Settings changed: run all rules again.
    function race() {
      runs = settings.runs.map((run) => playground.minimize(settings, run));
      time.max = settings.steps;
      t = Math.min(t, settings.steps);
      draw();
    }

    function changed() {
      touched = true;
      complain();
      race();
    }

    function draw() {
      land.draw(settings, runs, t);
      loss.draw(settings, runs, t);
      drawHandle();
      legend.replaceChildren(...settings.runs.map(legendEntry));
      table.replaceChildren(stateTable());
      time.value = t;
      time.setAttribute("aria-valuetext", `step ${t} of ${settings.steps}`);
      clock.value = `t = ${t} of ${settings.steps}`;
      settings.t = t === settings.steps ? null : t;
      link.href = `${isPage ? "" : host.dataset.page}#${playground.format(settings)}`;
      clearTimeout(later);
      if (!timer) later = setTimeout(settle, 400);
    }

    // Once things stand still: say where each rule has come, and write it to the address.
    function settle() {
      if (isPage && touched) history.replaceState(null, "", link.hash);
      spoken.textContent = `After ${t} steps. ${settings.runs.map(sentence).join(" ")}`;
      const { title: name } = placeOf(settings);
      land.root.setAttribute("aria-label", `${name}, paths of ${settings.runs.length} rules from ${point(settings.start)}`);
      loss.root.setAttribute("aria-label", `Loss above its minimum against the step, log scale. ${spoken.textContent}`);
    }

    function where(i) {
      const path = runs[i];
      const at = Math.min(t, path.x.length - 1);
      const nowhere = ![path.f[0], ...path.g[0]].every(Number.isFinite);
      return { path, at, stopped: t > at, nowhere };
    }

    function sentence(run, i) {
      const { path, at, stopped, nowhere } = where(i);
      const name = playground.label(run);
      if (nowhere) return `${name}: no finite slope at the start.`;
      if (stopped) return `${name}: no longer finite after step ${at}.`;
      return `${name}: x = ${point(path.x[at])}, f = ${short(path.f[at])}.`;
    }

    function legendEntry(run, i) {
      const { path, at, stopped, nowhere } = where(i);
      const [low, high] = [0, 1].map((side) => placeOf(settings).window.map((w) => w[side]));
      const outside = path.x[at].some((x, k) => x < low[k] || x > high[k]);
      const reached = stopped ? `overflowed after step ${at}` : `f = ${short(path.f[at])}`;
      const state = nowhere ? "no finite slope at the start" : reached;
      return html(
        "li",
        {},
        playground.sample(i),
        html("span", {}, playground.label(run)),
        html("span", { class: "value" }, state + (outside && !stopped ? ", outside the picture" : "")),
      );
    }

    // --- time ---

    function go(step) {
      touched = true;
      pause();
      t = clamp(step, 0, settings.steps);
      draw();
    }

    // With reduced motion the race is shown in ten still pictures, one a second.
    function begin() {
      touched = true;
      if (t >= settings.steps) t = 0;
      const stride = calm.matches ? Math.ceil(settings.steps / 10) : Math.ceil(settings.steps / 300);
      timer = setInterval(
        () => {
          t = Math.min(t + stride, settings.steps);
          if (t === settings.steps) pause();
          draw();
        },
        calm.matches ? 1000 : clamp(8000 / settings.steps, 33, 250),
      );
      face("pause", "Pause");
      draw();
    }

    function pause() {
      clearInterval(timer);
      timer = null;
      face("play", "Play");
    }

    function face(name, label) {
      play.replaceChildren(icon(name));
      play.title = label;
      play.setAttribute("aria-label", label);
    }

    // --- the start ---

    function moveStart(x) {
      const { window: limits } = placeOf(settings);
      const places = clamp(4 - Math.ceil(Math.log10(limits[0][1] - limits[0][0])), 3, 8);
      settings.start = x.map((value, i) => clamp(Number(value.toFixed(places)), ...limits[i]));
      settings.start.forEach((value, i) => startFields[i].show(value));
      changed();
    }

    function drawHandle() {
      const [x, y] = settings.start;
      handle.setAttribute("transform", `translate(${land.x(x)} ${land.y(y)})`);
      const [low, high] = placeOf(settings).window[0];
      const values = { valuemin: low, valuemax: high, valuenow: x };
      for (const [key, value] of Object.entries(values)) handle.setAttribute(`aria-${key}`, value);
      handle.setAttribute("aria-valuetext", `x₁ = ${written(x)}, x₂ = ${written(y)}`);
    }

    handle.addEventListener("keydown", (event) => {
      if (event.key === " ") {
        event.preventDefault();
        play.click();
      }
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      const [low, high] = placeOf(settings).window[0];
      const length = ((high - low) / 100) * (event.shiftKey ? 10 : 1);
      moveStart(settings.start.map((value, i) => value + length * way[i]));
    });

    // A finger on the handle drags it and does not scroll; the style `touch-action` does not do
    // that within an SVG.
    handle.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    let dragged = false;
    land.root.addEventListener("pointerdown", () => (dragged = false));
    handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      dragged = true;
      moveStart(land.point(event));
    });
    land.root.addEventListener("click", (event) => {
      if (!dragged && !handle.contains(event.target)) moveStart(land.point(event));
    });

    // --- the controls ---

    let startFields = [];

    // Another landscape: the same rules, with start, noise and step sizes that suit it.
    function moveTo(landscape) {
      goTo(playground.defaults(landscape));
      buildOwn();
    }

    function goTo(there) {
      const { runs: old, steps, seed } = settings;
      const suited = (run) => {
        const { lr } = playground.defaultRun(run.rule, placeOf(there)).hyper;
        return { ...run, hyper: { ...run.hyper, lr } };
      };
      settings = { ...there, steps, seed, runs: old.map(suited) };
      buildGround();
      buildCards();
      changed();
    }

    // The function that the reader types in, and the ends of both axes.
    function buildOwn() {
      bend.classList.toggle("own", Boolean(settings.own));
      if (!settings.own) return;
      const { text, window: [ends] } = settings.own;
      const fields = ["f(x, y)", "Axes from", "Axes to"].map((label, i) => {
        const id = `playground-${names++}`;
        const input = html("input", { id, name: ["f", "from", "to"][i], type: "text", value: [text, ...ends][i], autocomplete: "off", autocapitalize: "off", spellcheck: "false", change: () => takeOwn(fields) });
        return html("div", { class: "field" }, html("label", { for: id }, label), input);
      });
      bend.replaceChildren(...fields);
    }

    function takeOwn(fields) {
      const inputs = fields.map((field) => field.querySelector("input"));
      let wrong = inputs[0];
      try {
        const ends = inputs.slice(1).map((input, i) => {
          wrong = input;
          return playground.number(["Axes from", "Axes to"][i], input.value, [() => true, "a number"]);
        });
        wrong = inputs[0];
        goTo(playground.ownDefaults(playground.ownPlace(inputs[0].value, ends)));
        inputs.forEach((input) => input.removeAttribute("aria-invalid"));
      } catch (error) {
        wrong.setAttribute("aria-invalid", "true");
        complain(`${error.message} The function “${settings.own.text}” stays.`);
      }
    }

    function buildGround() {
      const { kappa, formula: text = "" } = placeOf(settings);
      choice.value = settings.landscape;
      formula.textContent = text;
      startFields = settings.start.map((value, i) =>
        field({
          label: `x${"₁₂"[i]} of the start`,
          name: `start-${i + 1}`,
          value,
          allowed: playground.startAllowed(placeOf(settings), i),
          refuse: complain,
          change: (taken) => {
            settings.start = settings.start.map((old, k) => (k === i ? taken : old));
            changed();
          },
        }),
      );
      const { kappa: bent, ...fields } = Object.fromEntries(
        Object.entries(NUMBERS).map(([name, { label, allowed }]) => [name, field({
          label,
          name,
          value: settings[name],
          allowed,
          scale: SCALES[name],
          refuse: complain,
          change: (taken) => {
            const atEnd = t === settings.steps;
            settings[name] = taken;
            if (name === "steps" && atEnd) t = taken;
            changed();
          },
        })]),
      );
      if (!settings.own) bend.replaceChildren(...(kappa ? [bent.root] : []));
      ground.replaceChildren(...[...startFields, ...Object.values(fields)].map(({ root }) => root));
    }

    function buildCards() {
      cards.replaceChildren(...settings.runs.map(card));
      add.disabled = settings.runs.length >= MOST_RUNS;
    }

    function card(run, i) {
      const { title: name } = RULES[run.rule];
      const choice = html(
        "select",
        {
          "aria-label": `Rule ${i + 1}`,
          change: () => {
            const { schedule } = run;
            settings.runs[i] = { ...playground.defaultRun(choice.value, placeOf(settings)), schedule };
            rebuilt(i, "select");
          },
        },
        ...GROUPS.map(([label, fits]) =>
          html("optgroup", { label }, ...Object.values(RULES).filter(fits).map((rule) =>
            html("option", { value: rule.name, selected: rule.name === run.rule }, rule.title),
          )),
        ),
      );
      const remove = button(`Remove ${name}`, "remove", () => {
        settings.runs.splice(i, 1);
        buildCards();
        changed();
        add.focus();
      });
      remove.disabled = settings.runs.length === 1;
      const [eta, ...others] = Object.keys(run.hyper).map((key) =>
        field({
          label: `${playground.symbol(run.rule, key)} of ${name}`,
          name: key,
          value: run.hyper[key],
          allowed: playground.hyperAllowed(run.rule, key),
          scale: SCALES[key] ?? SCALES_OF[RULES[run.rule].allowed[key]],
          refuse: complain,
          change: (taken) => {
            run.hyper[key] = taken;
            changed();
          },
        }),
      );
      const schedule = chosen("Schedule", SCHEDULE_NAMES, run.schedule, (taken) => {
        run.schedule = taken;
        changed();
      });
      const switches = Object.entries(isSwitched(run.rule) ? SWITCHES : {}).map(([label, forms], k) =>
        chosen(label, forms, run.rule in forms ? run.rule : ADAM, (form) => {
          settings.runs[i] = playground.switched(run, form, placeOf(settings));
          rebuilt(i, `.switches > :nth-child(${k + 1}) select`);
        }),
      );
      const symbols = Object.keys(run.hyper).slice(1).map((key) => playground.symbol(run.rule, key));
      return html(
        "fieldset",
        { class: "runner" },
        html("legend", {}, playground.sample(i), `Rule ${i + 1}`),
        html("div", { class: "choice" }, choice, remove),
        eta.root,
        schedule,
        ...(switches.length ? [html("div", { class: "switches" }, ...switches)] : []),
        ...(others.length
          ? [details(symbols.join(", "), isPage && wide.matches, ...others.map(({ root }) => root))]
          : []),
      );
    }

    // A card is made anew; what was used in it keeps the focus.
    function rebuilt(i, used) {
      buildCards();
      changed();
      cards.children[i].querySelector(used).focus();
    }

    function addRun() {
      const used = settings.runs.map(({ rule }) => rule);
      const next = Object.keys(RULES).find((name) => !used.includes(name)) ?? "adam";
      settings.runs.push(playground.defaultRun(next, placeOf(settings)));
      buildCards();
      changed();
      cards.lastElementChild.querySelector("select").focus();
    }

    async function copyText(pressed, text) {
      settle();
      const name = pressed.textContent;
      try {
        await navigator.clipboard.writeText(text());
        spoken.textContent = "It is copied.";
        pressed.textContent = "Copied";
        setTimeout(() => (pressed.textContent = name), 2000);
      } catch {
        alerts.replaceChildren(html("p", {}, "Copy it from here:"), html("pre", { tabindex: 0 }, text()));
      }
    }

    function savePicture() {
      settle();
      playground.save("race.svg", playground.asSvg([land.root, loss.root], link.href), "image/svg+xml");
    }

    // --- the last step in numbers ---

    function stateTable() {
      const symbols = { m_hat: "m̂", v_hat: "v̂", mu_product: "∏μ" };
      const order = ["c", "m", "v", "s", "n", "u", "m_hat", "v_hat", "d", "mu_product"];
      const kept = settings.runs.flatMap((_, i) => Object.keys(where(i).path.states.at(1)?.[0] ?? {}));
      const known = order.filter((key) => kept.includes(key));
      const used = [...new Set([...known, ...kept.filter((key) => key !== "t")])];
      const head = ["x before", "g", ...used.map((key) => symbols[key] ?? key), "step", "x"];
      const cells = (tag, texts) => texts.map((text) => html(tag, tag === "th" ? { scope: "col" } : {}, text));
      const rows = settings.runs.map((run, i) => {
        const { path, at } = where(i);
        const states = path.states[at];
        const group = [0, 1].map((k) => {
          const before = at ? path.x[at - 1][k] : null;
          const values = [
            before,
            at ? path.g[at - 1][k] : null,
            ...used.map((key) => (at && key in states[k] ? states[k][key] : null)),
            at ? path.x[at][k] - before : null,
            path.x[at][k],
          ];
          const texts = values.map((value) => (value === null ? "" : short(value)));
          return html("tr", {}, html("th", { scope: "row" }, `x${"₁₂"[k]}`), ...cells("td", texts));
        });
        const title = html("span", {}, `${playground.label(run)}, after step ${at}`);
        const head = html("th", { scope: "rowgroup", colspan: used.length + 5 }, playground.sample(i), title);
        return html("tbody", {}, html("tr", {}, head), ...group);
      });
      const top = html("tr", {}, html("td"), ...cells("th", head));
      return html("table", {}, html("thead", {}, top), ...rows);
    }

    host.append(app);
    host.classList.add("live");
    // A link is decoded part by part; on its way its "=" and "&" may have been encoded as well.
    const fromAddress = () => {
      const fragment = location.hash.slice(1);
      const whole = fragment.includes("=") ? fragment : fragment.replaceAll("%3D", "=").replaceAll("%26", "&");
      return isPage && whole.includes("=") ? whole : null;
    };
    load(fromAddress() ?? host.dataset.settings);
    if (isPage) {
      window.addEventListener("hashchange", () => fromAddress() && load(fromAddress()));
    }
  }

  // A race is run when the reader comes near it, so that the top of a chapter shows at once.
  const near = new IntersectionObserver(
    (all) =>
      all
        .filter((entry) => entry.isIntersecting)
        .forEach((entry) => {
          near.unobserve(entry.target);
          start(entry.target);
        }),
    { rootMargin: "40%" }, // on a phone not at once in a chapter, where it stands on the second screen
  );
  document.querySelectorAll(".playground[data-settings]").forEach((host) => near.observe(host));
})((window.descentPlayground = window.descentPlayground || {}));
