// The update rules for one coordinate, line by line those of descent/rules.py.
// An update takes x, the gradient g, the state and the hyper-parameters; it returns the new x and
// the new state. Entries of the state that a rule does not read again (m_hat, v_hat) are for show.
(function (playground) {
  "use strict";

  const { abs, max, sign, sqrt } = Math;
  const quotient = (a, b) => a / (b + (b === 0)); // 0/0 is 0: rules without ε

  const RULES = {};

  // `unit` says what η is measured in: "gradient" (x²/f) or "position" (x), and `share` how much
  // of the landscape's step size for that unit the rule starts with. Zeros in `init` are averages.
  function rule(name, title, { unit, share = 1, init = {}, hyper = {}, limits = {} }, update) {
    RULES[name] = { name, title, unit, share, init: { t: 0, ...init }, hyper, limits, update };
  }

  rule("gradient-descent", "Gradient descent", { unit: "gradient" }, (x, g, state, { lr }) => {
    const t = state.t + 1;
    return [x - lr * g, { t }];
  });

  rule(
    "momentum",
    "Momentum",
    { unit: "gradient", share: 0.4, init: { d: 0 }, hyper: { momentum: 0.9 } },
    (x, g, state, { lr, momentum }) => {
      const t = state.t + 1;
      const d = momentum * state.d - lr * g;
      return [x + d, { t, d }];
    },
  );

  rule(
    "averaged-momentum",
    "Averaged momentum",
    { unit: "gradient", share: 4, init: { m: 0 }, hyper: { momentum: 0.9 } },
    (x, g, state, { lr, momentum }) => {
      const t = state.t + 1;
      const m = momentum * state.m + (1 - momentum) * g;
      return [x - lr * m, { t, m }];
    },
  );

  rule(
    "nesterov",
    "Nesterov",
    { unit: "gradient", share: 0.4, init: { d: 0 }, hyper: { momentum: 0.9 } },
    (x, g, state, { lr, momentum }) => {
      const t = state.t + 1;
      const d = momentum * state.d - lr * g;
      return [x + momentum * d - lr * g, { t, d }];
    },
  );

  rule(
    "adagrad",
    "AdaGrad",
    { unit: "position", share: 5, init: { s: 0 }, hyper: { eps: 1e-10 } },
    (x, g, state, { lr, eps }) => {
      const t = state.t + 1;
      const s = state.s + g ** 2;
      return [x - (lr * g) / (sqrt(s) + eps), { t, s }];
    },
  );

  rule(
    "rmsprop",
    "RMSprop",
    { unit: "position", share: 0.5, init: { v: 0 }, hyper: { rho: 0.9 } },
    (x, g, state, { lr, rho }) => {
      const t = state.t + 1;
      const v = rho * state.v + (1 - rho) * g ** 2;
      return [x - lr * quotient(g, sqrt(v)), { t, v }];
    },
  );

  rule(
    "momentum-rmsprop",
    "RMSprop with momentum",
    { unit: "position", share: 0.2, init: { v: 0, d: 0 }, hyper: { rho: 0.9, momentum: 0.9 } },
    (x, g, state, { lr, rho, momentum }) => {
      const t = state.t + 1;
      const v = rho * state.v + (1 - rho) * g ** 2;
      const d = momentum * state.d - lr * quotient(g, sqrt(v));
      return [x + d, { t, v, d }];
    },
  );

  rule(
    "centered-rmsprop",
    "Centered RMSprop",
    {
      unit: "position",
      share: 0.05,
      init: { n: 0, m: 0, d: 0 },
      hyper: { rho: 0.95, momentum: 0.9, eps: 1e-4 },
    },
    (x, g, state, { lr, rho, momentum, eps }) => {
      const t = state.t + 1;
      const n = rho * state.n + (1 - rho) * g ** 2;
      const m = rho * state.m + (1 - rho) * g;
      const variance = max(n - m ** 2, 0);
      const d = momentum * state.d - lr * quotient(g, sqrt(variance + eps));
      return [x + d, { t, n, m, d }];
    },
  );

  rule(
    "adadelta",
    "Adadelta",
    {
      unit: "number",
      init: { v: 0, u: 0 },
      hyper: { rho: 0.95, eps: 1e-6 },
      limits: { eps: "positive" },
    },
    (x, g, state, { lr, rho, eps }) => {
      const t = state.t + 1;
      const v = rho * state.v + (1 - rho) * g ** 2;
      const d = (-sqrt(state.u + eps) / sqrt(v + eps)) * g;
      const u = rho * state.u + (1 - rho) * d ** 2;
      return [x + lr * d, { t, v, d, u }];
    },
  );

  rule(
    "adam",
    "Adam",
    {
      unit: "position",
      init: { m: 0, v: 0 },
      hyper: { beta1: 0.9, beta2: 0.999, eps: 1e-8 },
    },
    (x, g, state, { lr, beta1, beta2, eps }) => {
      const t = state.t + 1;
      const m = beta1 * state.m + (1 - beta1) * g;
      const v = beta2 * state.v + (1 - beta2) * g ** 2;
      const m_hat = m / (1 - beta1 ** t);
      const v_hat = v / (1 - beta2 ** t);
      return [x - (lr * m_hat) / (sqrt(v_hat) + eps), { t, m, v, m_hat, v_hat }];
    },
  );

  rule(
    "adamax",
    "AdaMax",
    { unit: "position", init: { m: 0, u: 0 }, hyper: { beta1: 0.9, beta2: 0.999 } },
    (x, g, state, { lr, beta1, beta2 }) => {
      const t = state.t + 1;
      const m = beta1 * state.m + (1 - beta1) * g;
      const u = max(beta2 * state.u, abs(g));
      return [x - (lr / (1 - beta1 ** t)) * quotient(m, u), { t, m, u }];
    },
  );

  const mu = (t, beta1) => beta1 * (1 - 0.5 * 0.96 ** (t / 250)); // NAdam's μ_t

  rule(
    "nadam",
    "NAdam",
    {
      unit: "position",
      init: { m: 0, v: 0, mu_product: 1 },
      hyper: { beta1: 0.9, beta2: 0.999, eps: 1e-8 },
      limits: { beta2: "positive" },
    },
    (x, g, state, { lr, beta1, beta2, eps }) => {
      const t = state.t + 1;
      const [mu_t, next_mu] = [mu(t, beta1), mu(t + 1, beta1)];
      const mu_product = state.mu_product * mu_t;
      const m = mu_t * state.m + (1 - mu_t) * g;
      const v = beta2 * state.v + (1 - beta2) * g ** 2;
      const m_hat =
        (next_mu * m) / (1 - mu_product * next_mu) + ((1 - mu_t) * g) / (1 - mu_product);
      const v_hat = (beta2 * v) / (1 - beta2 ** t);
      return [x - (lr * m_hat) / (sqrt(v_hat) + eps), { t, m, v, m_hat, v_hat, mu_product }];
    },
  );

  rule(
    "amsgrad",
    "AMSGrad",
    {
      unit: "position",
      init: { m: 0, v: 0, v_hat: 0 },
      hyper: { beta1: 0.9, beta2: 0.999 },
    },
    (x, g, state, { lr, beta1, beta2 }) => {
      const t = state.t + 1;
      const m = beta1 * state.m + (1 - beta1) * g;
      const v = beta2 * state.v + (1 - beta2) * g ** 2;
      const v_hat = max(state.v_hat, v);
      return [x - lr * quotient(m, sqrt(v_hat)), { t, m, v, v_hat }];
    },
  );

  rule(
    "adamw",
    "AdamW",
    {
      unit: "position",
      init: { m: 0, v: 0 },
      hyper: { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-5 },
    },
    (x, g, state, { lr, beta1, beta2, eps, weight_decay }) => {
      const t = state.t + 1;
      const m = beta1 * state.m + (1 - beta1) * g;
      const v = beta2 * state.v + (1 - beta2) * g ** 2;
      const m_hat = m / (1 - beta1 ** t);
      const v_hat = v / (1 - beta2 ** t);
      const step = (lr * m_hat) / (sqrt(v_hat) + eps);
      return [x - (step + weight_decay * x), { t, m, v, m_hat, v_hat }];
    },
  );

  rule(
    "radam",
    "RAdam",
    { unit: "gradient", init: { m: 0, v: 0 }, hyper: { beta1: 0.9, beta2: 0.999 } },
    (x, g, state, { lr, beta1, beta2 }) => {
      const t = state.t + 1;
      const m = beta1 * state.m + (1 - beta1) * g;
      const v = beta2 * state.v + (1 - beta2) * g ** 2;
      const m_hat = m / (1 - beta1 ** t);
      const v_hat = v / (1 - beta2 ** t);
      const rho_inf = 2 / (1 - beta2) - 1;
      const rho = rho_inf - (2 * t * beta2 ** t) / (1 - beta2 ** t);
      const r2 = ((rho - 4) * (rho - 2) * rho_inf) / ((rho_inf - 4) * (rho_inf - 2) * rho);
      const step = rho > 4 ? sqrt(r2) * quotient(m_hat, sqrt(v_hat)) : m_hat;
      return [x - lr * step, { t, m, v, m_hat, v_hat }];
    },
  );

  rule(
    "lion",
    "Lion",
    {
      unit: "position",
      share: 0.3,
      init: { m: 0 },
      hyper: { beta1: 0.9, beta2: 0.99, weight_decay: 0 },
    },
    (x, g, state, { lr, beta1, beta2, weight_decay }) => {
      const t = state.t + 1;
      const c = beta1 * state.m + (1 - beta1) * g;
      const m = beta2 * state.m + (1 - beta2) * g;
      return [x - lr * (sign(c) + weight_decay * x), { t, c, m }];
    },
  );

  Object.assign(playground, { RULES });
})((window.descentPlayground = window.descentPlayground || {}));
