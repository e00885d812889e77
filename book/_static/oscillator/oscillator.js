// The map of (ηλ, μ) of momentum, to be dragged on, and the run on a parabola beside it.
// Every <div class="oscillator"> of the page becomes one.
(function (playground, descent) {
  "use strict";

  const { BOX, axes, canvas, path, scale, svg, ticks } = playground;
  const { html } = descent;
  const { array } = descent.python;
  const STEPS = 40;
  const MOST = { product: 4, mu: 0.99 };
  const START = { product: 0.3, mu: 0.8 };
  const [left, top, right, bottom] = BOX;
  const clamp = (value, most) => Math.min(Math.max(value, 0), most);
  const written = (value) => value.toFixed(2).replace("-", "−");

  // The points of x²/2, where the curvature is 1, so that η is ηλ.
  function run({ product, mu }) {
    const rule = new descent.Momentum(product, mu);
    let x = array([1]);
    let state = rule.init(x);
    const points = [1];
    for (let t = 1; t <= STEPS; t++) {
      [x, state] = rule.update(x, x, state);
      points.push(x.data[0]);
    }
    return points;
  }

  // What the two roots of z² − (1 + μ − ηλ) z + μ say: the larger one's size, and the kind of run.
  function judged({ product, mu }) {
    const sum = 1 + mu - product;
    const inside = sum ** 2 - 4 * mu;
    const factor = inside < 0 ? Math.sqrt(mu) : (Math.abs(sum) + Math.sqrt(inside)) / 2;
    if (product === 0) return { factor, kind: "it stays" };
    if (factor > 1) return { factor, kind: "it diverges" };
    if (factor === 1) return { factor, kind: "it neither arrives nor leaves" };
    if (inside < 0) return { factor, kind: "it swings" };
    return { factor, kind: product <= 1 ? "it creeps" : "it changes sides at each step, in the end" };
  }

  function curve(toX, toY, from, to, mu) {
    const products = Array.from({ length: 101 }, (_, i) => from + ((to - from) * i) / 100);
    return path(products.map((product) => [toX(product), toY(mu(product))]));
  }

  function mapPlot() {
    const { root, inside } = canvas();
    const [x, y] = [scale([0, 4], [left, right]), scale([0, 1], [bottom, top])];
    const labels = { creeps: [0.03, 0.02], swings: [0.9, 0.75], "← changes sides": [2.15, 0.03], diverges: [2.9, 0.3] };
    inside.append(
      svg("path", { class: "critical", d: curve(x, y, 0, 4, (p) => (1 - Math.sqrt(p)) ** 2) }),
      svg("path", { class: "limit", d: curve(x, y, 2, 4, (p) => p / 2 - 1) }),
      ...Object.entries(labels).map(([text, [p, mu]]) => svg("text", { x: x(p), y: y(mu) }, text)),
    );
    const handle = svg(
      "g",
      { class: "handle" },
      svg("circle", { class: "reach", r: 24 }),
      svg("circle", { class: "ring", r: 9 }),
    );
    const [xTicks, yTicks] = [ticks(0, 4, 5), ticks(0, 1, 5)];
    root.append(inside, axes(x, y, { xTicks, yTicks, xLabel: "ηλ", yLabel: "momentum μ" }), handle);
    const place = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
      return { product: clamp(x.inverse(at.x), MOST.product), mu: clamp(y.inverse(at.y), MOST.mu) };
    };
    const draw = ({ product, mu }) => handle.setAttribute("transform", `translate(${x(product)} ${y(mu)})`);
    return { root, handle, place, draw };
  }

  function runPlot() {
    const { root, inside } = canvas();
    const [x, y] = [scale([0, STEPS], [left, right]), scale([-1.5, 1.5], [bottom, top])];
    const [xTicks, yTicks] = [ticks(0, STEPS, 5), ticks(-1.5, 1.5, 7)];
    root.append(inside, axes(x, y, { xTicks, yTicks, xLabel: "step t", yLabel: "x, from 1", grid: true }));
    const draw = (settings) => {
      const points = run(settings).map((value, t) => [x(t), y(value)]);
      inside.replaceChildren(
        svg("path", { class: "line", d: path(points) }),
        svg("path", { class: "dots", d: points.map((point) => path([point, point])).join("") }),
      );
    };
    return { root, draw };
  }

  function start(host) {
    const settings = { ...START };
    const [map, right] = [mapPlot(), runPlot()];
    const told = html("p", { class: "told", role: "status" });
    const sliders = { product: "ηλ", mu: "μ" };
    for (const [name, label] of Object.entries(sliders)) {
      const input = html("input", { type: "range", min: "0", max: String(MOST[name]), step: "0.01", "aria-label": label });
      input.addEventListener("input", () => show({ [name]: Number(input.value) }));
      sliders[name] = input;
    }
    const titles = { product: "ηλ", mu: "μ" };
    const fields = Object.entries(sliders).map(([name, input]) =>
      html("label", {}, html("span", { "aria-hidden": "true" }, titles[name]), input));

    function show(change) {
      Object.assign(settings, change);
      const { factor, kind } = judged(settings);
      [map, right].forEach((plot) => plot.draw(settings));
      Object.entries(sliders).forEach(([name, input]) => (input.value = settings[name]));
      const place = `ηλ = ${written(settings.product)}, μ = ${written(settings.mu)}`;
      told.textContent = `${place}: ${kind}, error factor ${written(factor)} a step`;
    }

    map.root.addEventListener("touchstart", (event) => map.handle.contains(event.target) && event.preventDefault(), { passive: false });
    map.handle.addEventListener("pointerdown", (event) => map.handle.setPointerCapture(event.pointerId));
    map.handle.addEventListener("pointermove", (event) => {
      if (map.handle.hasPointerCapture(event.pointerId)) show(map.place(event));
    });
    map.root.addEventListener("click", (event) => show(map.place(event)));
    for (const plot of [map, right]) plot.root.setAttribute("aria-hidden", "true");
    host.replaceChildren(
      html("p", { class: "title" }, "Drag the ring, and see the run that belongs to its place"),
      html("div", { class: "plots" }, map.root, right.root),
      told,
      ...fields,
    );
    show({});
  }

  document.querySelectorAll(".oscillator").forEach(start);
})(window.descentPlayground, window.descent);
