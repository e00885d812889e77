// Looking an optimiser up: what `descent.conventions._lookup` does where Python inspects signatures.
(function (descent) {
  "use strict";

  const { dict, str, ValueError } = descent.python;

  // Return the arguments of an optimiser in order, with their defaults; undefined is none.
  const arguments_of = (name) => dict(descent.OPTIMISERS[name].arguments.map(([key, ...usual]) => [key, usual[0]]));

  const defaults = (name) => dict(arguments_of(name).items().filter(([, usual]) => usual !== undefined));

  // Return the rule that an optimiser is, with the values of a dict.
  function framework_rule(name, hyper) {
    const known = arguments_of(name);
    for (const key of hyper.keys()) {
      if (!known.has(key)) throw new ValueError(`${name} knows ${known.keys().join(", ")}, got ${key}`);
    }
    for (const [key, usual] of known.items()) {
      if (usual === undefined && !hyper.has(key)) throw new ValueError(`${name}: ${key} must be given, it has no default`);
    }
    try {
      return descent[descent.OPTIMISERS[name].built](...known.items().map(([key, usual]) => hyper.get(key, usual)));
    } catch (error) {
      throw new ValueError(`${name}: ${str(error)}`);
    }
  }

  Object.assign(descent, { arguments_of, defaults, framework_rule, path: (name) => name });
})((globalThis.descent = globalThis.descent || {}));
