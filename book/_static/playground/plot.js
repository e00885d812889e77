// The two pictures, as SVG: sharp on every screen, coloured by the style sheet.
(function (playground) {
  "use strict";

  const { array } = window.descent.python;
  const SIDE = 290; // of the square that is drawn in: a unit is as long across as up
  const BOX = [58, 10, 58 + SIDE, 10 + SIDE]; // left, top, right, bottom
  const [WIDTH, HEIGHT] = [BOX[2] + 14, BOX[3] + 40];
  const GRID = 144; // cells along each side for the level lines

  // Markers and dashes as in descent/plotting.py: no two runs differ in colour alone.
  const MARKERS = [
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z",
    "M-4.5-4.5H4.5V4.5H-4.5Z",
    "M0-6L5.5 4.5H-5.5Z",
    "M0-6L6 0L0 6L-6 0Z",
    "M0 6L5.5-4.5H-5.5Z",
    "M-5-5L5 5M5-5L-5 5",
  ];
  const DASHES = ["", "7 3", "9 3 2 3", "2 3", "12 3", "2 2"];

  function svg(name, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  // A map of [from, to] onto [start, end]; far beyond the picture it stays finite.
  function scale([from, to], [start, end]) {
    const position = (value) => start + ((value - from) / (to - from)) * (end - start);
    const forward = (value) => Math.min(Math.max(position(value), -1e6), 1e6);
    forward.inverse = (pixel) => from + ((pixel - start) / (end - start)) * (to - from);
    return forward;
  }

  const path = (points) => "M" + points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L");

  // Round numbers in [from, to], about `count` of them.
  function ticks(from, to, count) {
    const power = 10 ** Math.floor(Math.log10((to - from) / count));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => (to - from) / s <= count);
    const first = Math.ceil(from / step);
    const length = Math.floor(to / step + 1e-9) - first + 1;
    return Array.from({ length }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  const SUPERSCRIPTS = { "-": "⁻", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].entries()) };
  const power = (k) => `10${[...String(k)].map((sign) => SUPERSCRIPTS[sign]).join("")}`;
  const minus = (value) => String(value).replace("-", "−");

  function axes(x, y, { xTicks, yTicks, xLabel, yLabel, yText = minus, grid = false }) {
    const [left, top, right, bottom] = BOX;
    const group = svg("g", { class: "axes" });
    for (const value of xTicks) {
      const at = x(value);
      group.append(svg("line", { x1: at, x2: at, y1: bottom, y2: grid ? top : bottom + 4 }));
      group.append(svg("text", { x: at, y: bottom + 16, "text-anchor": "middle" }, minus(value)));
    }
    for (const value of yTicks) {
      const at = y(value);
      group.append(svg("line", { x1: left, x2: grid ? right : left - 4, y1: at, y2: at }));
      group.append(svg("text", { x: left - 7, y: at + 4, "text-anchor": "end" }, yText(value)));
    }
    const middle = (top + bottom) / 2;
    group.append(
      svg("text", { x: (left + right) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, xLabel),
      svg(
        "text",
        { transform: `translate(12 ${middle}) rotate(-90)`, "text-anchor": "middle" },
        yLabel,
      ),
    );
    return group;
  }

  // The level lines of a grid of values, an SVG path for each level: marching squares. A cell whose
  // corners lie on both sides of a level is crossed, from edge to edge, where a straight line
  // between the corners meets it. Most cells are crossed by none, and are passed over at once.
  function levelPaths(values, levels, toX, toY) {
    const paths = levels.map(() => "");
    const corners = [[0, 0], [1, 0], [1, 1], [0, 1]];
    for (let row = 0; row < GRID; row++) {
      for (let column = 0; column < GRID; column++) {
        const at = row * (GRID + 1) + column;
        const [a, b, c, d] = [values[at], values[at + 1], values[at + GRID + 2], values[at + GRID + 1]];
        const [low, high] = [Math.min(a, b, c, d), Math.max(a, b, c, d)];
        for (let k = 0; k < levels.length; k++) {
          if (!(low < levels[k] && high >= levels[k] && Number.isFinite(high - low))) continue;
          const above = [a - levels[k], b - levels[k], c - levels[k], d - levels[k]];
          const crossings = [];
          for (let i = 0; i < 4; i++) {
            const next = (i + 1) % 4;
            if (above[i] < 0 === above[next] < 0) continue;
            const share = above[i] / (above[i] - above[next]);
            const [x, y] = [0, 1].map((e) => corners[i][e] + share * (corners[next][e] - corners[i][e]));
            crossings.push([toX(column + x), toY(row + y)]);
          }
          for (let i = 0; i < crossings.length; i += 2) paths[k] += path(crossings.slice(i, i + 2));
        }
      }
    }
    return paths;
  }

  function levelLines(landscape, f) {
    const side = Array.from({ length: GRID + 1 }, (_, i) => i);
    const [across, up] = landscape.window.map((range) => side.map(scale([0, GRID], range)));
    const values = landscape.tree
      ? up.flatMap((y) => across.map((x) => f([x, y])))
      : f(array([up.map(() => across), up.map((y) => across.map(() => y))])).data;
    const [left, top, right, bottom] = BOX;
    const [toX, toY] = [scale([0, GRID], [left, right]), scale([0, GRID], [bottom, top])];
    const [first, last] = landscape.levels;
    const least = f(landscape.minimizer);
    const levels = Array.from({ length: last - first + 1 }, (_, i) => least + 4 ** (first + i));
    const paths = levelPaths(values, levels, toX, toY);
    return svg("g", { class: "levels" }, ...paths.map((d) => svg("path", { d })));
  }

  let clips = 0;

  function canvas() {
    const [left, top, right, bottom] = BOX;
    const id = `playground-clip-${clips++}`;
    const frame = { x: left, y: top, width: right - left, height: bottom - top };
    const inside = svg("g", { "clip-path": `url(#${id})` });
    const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` });
    root.append(svg("clipPath", { id }, svg("rect", frame)), svg("rect", { ...frame, class: "frame" }));
    return { root, inside };
  }

  // A run is drawn as a line, a dot for each step where `dots`, and its marker at the last one.
  function trace(number, points, dots) {
    const look = { class: `run run-${number}` };
    const group = svg("g", look);
    group.append(svg("path", { class: "line", d: path(points), "stroke-dasharray": DASHES[number] }));
    if (dots) {
      group.append(svg("path", { class: "dots", d: points.map((point) => path([point, point])).join("") }));
    }
    return group;
  }

  function marker(number, [x, y]) {
    const transform = `translate(${x.toFixed(2)} ${y.toFixed(2)})`;
    return svg("path", { class: `marker run-${number}`, d: MARKERS[number], transform });
  }

  // A sample of a run's line, for the legend.
  function sample(number) {
    const root = svg("svg", { viewBox: "0 0 40 16", class: "sample", "aria-hidden": "true" });
    root.append(trace(number, [[1, 8], [39, 8]], false), marker(number, [20, 8]));
    return root;
  }

  // The landscape with the paths on it. `draw` takes the paths up to the step shown.
  function landscapePlot() {
    const { root, inside } = canvas();
    const ground = svg("g");
    const paths = svg("g");
    inside.append(ground, paths);
    root.append(inside);
    const plot = { root, x: null, y: null, shown: "" };

    plot.point = (event) => {
      const onScreen = new DOMPoint(event.clientX, event.clientY);
      const { x, y } = onScreen.matrixTransform(root.getScreenCTM().inverse());
      return [plot.x.inverse(x), plot.y.inverse(y)];
    };

    plot.draw = (settings, runs, t) => {
      const landscape = playground.placeOf(settings);
      const [left, top, right, bottom] = BOX;
      const key = `${settings.landscape} ${settings.kappa} ${landscape.text} ${landscape.window}`;
      if (plot.shown !== key) {
        plot.shown = key;
        plot.x = scale(landscape.window[0], [left, right]);
        plot.y = scale(landscape.window[1], [bottom, top]);
        const [xTicks, yTicks] = landscape.window.map(([from, to]) => ticks(from, to, 7));
        const star = "M0-8L2-2.5L8-2.5L3 1L5 7L0 3.4L-5 7L-3 1L-8-2.5L-2-2.5Z";
        const [x, y] = [plot.x(landscape.minimizer[0]), plot.y(landscape.minimizer[1])];
        ground.replaceChildren(
          levelLines(landscape, playground.landscapeAt(settings).f),
          svg("path", { class: "minimizer", d: star, transform: `translate(${x} ${y})` }),
        );
        root.querySelector(".axes")?.remove();
        root.append(axes(plot.x, plot.y, { xTicks, yTicks, xLabel: "x₁", yLabel: "x₂" }));
      }
      const place = ([x, y]) => [plot.x(x), plot.y(y)];
      const traces = runs.map((run, i) => trace(i, run.x.slice(0, t + 1).map(place), true));
      const ends = runs.map((run, i) => marker(i, place(run.x[Math.min(t, run.x.length - 1)])));
      paths.replaceChildren(...traces, ...ends);
    };
    return plot;
  }

  // The loss above its minimum against the step, on a log scale whose range stays while t moves.
  function lossPlot() {
    const { root, inside } = canvas();
    const curves = svg("g");
    inside.append(curves);
    root.append(inside);
    const plot = { root };

    plot.draw = (settings, runs, t) => {
      const landscape = playground.placeOf(settings);
      const known = playground.landscapeAt(settings).f(landscape.minimizer);
      const least = landscape.tree ? Math.min(known, ...runs.flatMap((run) => run.f).filter(Number.isFinite)) : known;
      const height = (f) => (Number.isFinite(f) ? Math.max(f - least, 1e-16) : 1e-16);
      const losses = runs.map((run) => run.f.map((f) => Math.log10(Math.min(height(f), 1e300))));
      const first = losses[0][0];
      const highest = Math.min(Math.max(...losses.flat()), first + 3);
      const lowest = Math.max(Math.min(...losses.flat()), first - 12);
      const [low, high] = [Math.floor(lowest), Math.max(Math.ceil(highest), Math.floor(lowest) + 1)];
      const [left, top, right, bottom] = BOX;
      const [x, y] = [scale([0, settings.steps], [left, right]), scale([low, high], [bottom, top])];
      const xTicks = ticks(0, settings.steps, 6).filter(Number.isInteger);
      const yTicks = ticks(low, high, 8).filter(Number.isInteger);
      const now = svg("line", { class: "now", x1: x(t), x2: x(t), y1: top, y2: bottom });
      const points = losses.map((loss) => loss.slice(0, t + 1).map((value, i) => [x(i), y(value)]));
      curves.replaceChildren(
        axes(x, y, { xTicks, yTicks, xLabel: "", yLabel: "", yText: () => "", grid: true }),
        now,
        ...points.map((one, i) => trace(i, one, false)),
        ...points.map((one, i) => marker(i, one.at(-1))),
      );
      root.querySelector(":scope > .axes")?.remove();
      root.append(
        axes(x, y, { xTicks, yTicks, xLabel: "step t", yLabel: landscape.tree ? "f above the least seen" : "f(x) − f(x⋆)", yText: power }),
      );
    };
    return plot;
  }

  Object.assign(playground, { BOX, axes, canvas, landscapePlot, lossPlot, path, sample, scale, svg, ticks });
})((window.descentPlayground = window.descentPlayground || {}));
