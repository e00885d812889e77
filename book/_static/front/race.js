// The race of the first page: the rules of a playground's link run at once, and stand at the end.
(function (playground, descent) {
  "use strict";

  const { html } = descent;
  const { RULES } = playground;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const PACE = 60; // milliseconds a step

  function start(host) {
    const { settings } = playground.parse(host.dataset.race);
    const runs = settings.runs.map((run) => playground.minimize(settings, run));
    const land = playground.landscapePlot();
    const names = settings.runs.map(({ rule }) => RULES[rule].title);
    let t = calm.matches ? settings.steps : 0;
    let last = null;

    const button = html("button", { type: "button", click: turn });
    const clock = html("span", { class: "clock" });
    land.root.setAttribute("role", "img");
    land.root.setAttribute("aria-label", host.dataset.title);
    host.append(
      html("div", { class: "app" },
        land.root,
        html("ul", { class: "legend" }, ...names.map((name, i) => html("li", {}, playground.sample(i), html("span", {}, name)))),
        html("div", { class: "transport" }, button, clock, html("a", { href: `${host.dataset.page}#${host.dataset.race}` }, "Change it"))),
    );
    host.classList.add("live");

    function draw() {
      land.draw(settings, runs, t);
      clock.textContent = `step ${t} of ${settings.steps}`;
      button.textContent = last !== null ? "Pause" : t < settings.steps ? "Run" : "Run again";
    }

    function frame(now) {
      if (last === null) return;
      const steps = Math.floor((now - last) / PACE);
      if (steps > 0) {
        t = Math.min(t + steps, settings.steps);
        last += steps * PACE;
        if (t === settings.steps) last = null;
        draw();
      }
      if (last !== null) requestAnimationFrame(frame);
    }

    function turn() {
      if (last !== null) {
        last = null;
      } else {
        if (t === settings.steps) t = 0;
        last = performance.now();
        requestAnimationFrame(frame);
      }
      draw();
    }

    draw();
    if (calm.matches) return;
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      seen.disconnect();
      turn();
    });
    seen.observe(host);
  }

  document.querySelectorAll(".playground[data-race]").forEach(start);
})(window.descentPlayground, window.descent);
