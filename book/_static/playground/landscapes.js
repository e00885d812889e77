// The functions of two coordinates to descend, with exact gradients, as in descent/landscapes.py.
(function (playground) {
  "use strict";

  const square = (half) => [[-half, half], [-half, half]];

  // A landscape is made by `at(kappa)`; only the quadratics look at the condition number.
  // `lr` is a step size that works there: of rules whose step grows with the gradient, and of
  // rules that divide the gradient's size out. Level lines lie at f* + 4^k, k = levels[0] .. [1].
  const quadratic = (kappa) => ({
    f: ([x, y]) => 0.5 * (x * x + y * (kappa * y)),
    grad: ([x, y]) => [x, kappa * y],
  });

  const LANDSCAPES = {
    quadratic: {
      title: "Ill-conditioned quadratic",
      formula: "f = ½ (x₁² + κ x₂²)",
      window: square(3),
      minimizer: [0, 0],
      start: [-2.5, 1.5],
      noise: 0,
      kappa: 20,
      lr: { gradient: 0.09, position: 0.1 },
      levels: [-3, 4],
      at: quadratic,
    },
    rosenbrock: {
      title: "Rosenbrock’s valley",
      formula: "f = (1 − x₁)² + 100 (x₂ − x₁²)²",
      window: [[-2, 2], [-1, 3]],
      minimizer: [1, 1],
      start: [-1.2, 1],
      noise: 0,
      lr: { gradient: 0.001, position: 0.1 },
      levels: [-1, 5],
      at: () => ({
        f: ([x, y]) => (1 - x) ** 2 + 100 * (y - x ** 2) ** 2,
        grad: ([x, y]) => [-2 * (1 - x) - 400 * x * (y - x ** 2), 200 * (y - x ** 2)],
      }),
    },
    beale: {
      title: "Beale’s function",
      formula: "f = Σₖ (cₖ − x₁ (1 − x₂ᵏ))², c = (1.5, 2.25, 2.625)",
      window: square(4.5),
      minimizer: [3, 0.5],
      start: [1, 1.5],
      noise: 0,
      lr: { gradient: 0.01, position: 0.1 },
      levels: [-2, 8],
      at: () => ({
        f: ([x, y]) => residuals(x, y).reduce((sum, [, r]) => sum + r ** 2, 0),
        grad: ([x, y]) => [
          residuals(x, y).reduce((sum, [k, r]) => sum + 2 * r * (y ** k - 1), 0),
          residuals(x, y).reduce((sum, [k, r]) => sum + 2 * r * x * k * y ** (k - 1), 0),
        ],
      }),
    },
    saddle: {
      title: "Saddle",
      formula: "f = ½ (x₁² − x₂²) + ¼ x₂⁴",
      window: square(3),
      minimizer: [0, 1],
      start: [2, 0.001],
      noise: 0,
      lr: { gradient: 0.1, position: 0.05 },
      levels: [-4, 2],
      at: () => ({
        f: ([x, y]) => (x ** 2 - y ** 2) / 2 + y ** 4 / 4,
        grad: ([x, y]) => [x, y ** 3 - y],
      }),
    },
  };
  LANDSCAPES["noisy-quadratic"] = {
    ...LANDSCAPES.quadratic,
    title: "Noisy quadratic",
    formula: "f = ½ (x₁² + κ x₂²), the gradient with noise",
    noise: 2,
    lr: { gradient: 0.02, position: 0.05 },
  };

  function residuals(x, y) {
    return [[1, 1.5], [2, 2.25], [3, 2.625]].map(([k, c]) => [k, c - x * (1 - y ** k)]);
  }

  Object.assign(playground, { LANDSCAPES });
})((window.descentPlayground = window.descentPlayground || {}));
