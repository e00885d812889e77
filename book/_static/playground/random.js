// Noise that the playground and the package both make: a hash of seed, step and coordinate.
// It has no state, so step 57 has the same noise whoever asks for it first, and all rules of a
// race meet the same noise. `tools/site/playground.py` holds the same lines in Python.
(function (playground) {
  "use strict";

  // The finaliser of MurmurHash3: a bijection of 32-bit numbers that scatters each input bit.
  function scatter(h) {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  }

  // A number in (0, 1), never 0 or 1, of which a logarithm can be taken.
  function uniform(seed, t, k) {
    return (scatter(scatter(scatter(seed) + t) + k) + 0.5) / 2 ** 32;
  }

  // Two independent standard normal numbers for step t, by the transform of Box and Muller.
  function normal(seed, t) {
    const radius = Math.sqrt(-2 * Math.log(uniform(seed, t, 0)));
    const angle = 2 * Math.PI * uniform(seed, t, 1);
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  }

  Object.assign(playground, { normal });
})((globalThis.descentPlayground = globalThis.descentPlayground || {}));
