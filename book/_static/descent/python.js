// What code translated from Python does with lists, dicts, texts and patterns.
(function (descent) {
  "use strict";

  const { Data, iter, list, mul, repr, same_as, str, truthy } = descent.python;

  // Python's dict and set hash tuples, and dataclasses, by what is in them.
  function hash(key) {
    if (key instanceof Data) return `${key.constructor.name}(${Object.keys(key.fields).map((f) => hash(key[f]))})`;
    return Array.isArray(key) ? `(${key.map(hash)})` : key;
  }

  class Dict {
    constructor(pairs = []) {
      this.held = new Map();
      for (const [key, value] of pairs) this.set(key, value);
    }

    get size() {
      return this.held.size;
    }

    set(key, value) {
      const old = this.held.get(hash(key));
      this.held.set(hash(key), [old ? old[0] : key, value]);
    }

    has(key) {
      return this.held.has(hash(key));
    }

    item(key) {
      if (!this.has(key)) throw new KeyError(repr(key));
      return this.held.get(hash(key))[1];
    }

    get(key, usual = null) {
      return this.has(key) ? this.item(key) : usual;
    }

    keys() {
      return [...this.held.values()].map(([key]) => key);
    }

    items() {
      return [...this.held.values()];
    }
  }

  class PythonSet extends Dict {
    constructor(values = []) {
      super([...iter(values)].map((value) => [value, true]));
    }

    minus(other) {
      return new PythonSet(this.keys().filter((key) => !has(other, key)));
    }
  }

  class KeyError extends Error {}
  class PythonTypeError extends Error {}

  const dict = (pairs = []) => new Dict(pairs instanceof Dict ? pairs.items() : iter(pairs));
  const set = (values = []) => new PythonSet(values);
  const fromkeys = (keys, value = null) => new Dict([...iter(keys)].map((key) => [key, value]));
  const items = (a) => (a instanceof Dict ? a.items() : Object.entries(a));
  const keys = (a) => a.keys();
  const values = (a) => a.items().map(([, value]) => value);
  const get = (a, key, usual) => a.get(key, usual);
  const put = (a, key, value) => (a.set ? a.set(key, value) : (a[key] = value));
  const add_to = (a, value) => a.set(value, true);
  const union = (a, b) =>
    a instanceof PythonSet ? set([...a.keys(), ...iter(b)]) : new Dict([...a.items(), ...b.items()]);
  const common = (a, b) => set(a.keys().filter((key) => has(b, key)));
  const difference = (a, b) => a.minus(set(b));
  const apart = (a, b) => union(a.minus(b), b.minus(a));
  const issuperset = (a, b) => list(b).every((key) => a.has(key));
  const has = (a, value) => {
    if (typeof a === "string") return a.includes(value);
    return a.has ? a.has(value) : [...a].some((one) => same_as(one, value));
  };
  const both = (first, ...rest) => rest.reduce((a, next) => (truthy(a) ? next() : a), first);
  const either = (first, ...rest) => rest.reduce((a, next) => (truthy(a) ? a : next()), first);
  const any = (a) => list(a).some(truthy);
  const all = (a) => list(a).every(truthy);
  const next = (a, usual) => {
    for (const value of iter(a)) return value;
    if (usual === undefined) throw new RangeError("nothing is left");
    return usual;
  };
  const enumerate = (a) => list(a).map((value, i) => [i, value]);
  const reversed = (a) => list(a).reverse();
  const sorted = (a) => list(a).sort((x, y) => (x < y ? -1 : Number(x > y)));
  const zip = (...all_) => {
    const lists = all_.filter((a) => a.strict === undefined).map(list);
    return Array.from({ length: Math.min(...lists.map((a) => a.length)) }, (_, i) => lists.map((a) => a[i]));
  };
  const prod = (a) => list(a).reduce((x, y) => mul(x, y), 1);
  const product = (...all_) =>
    all_.map(list).reduce((found, one) => found.flatMap((a) => one.map((b) => [...a, b])), [[]]);
  const setdefault = (a, key, value) => (a.has(key) || a.set(key, value), a.item(key));
  const combinations = (a, count) =>
    count === 0 ? [[]] : list(a).flatMap((v, i, all_) => combinations(all_.slice(i + 1), count - 1).map((r) => [v, ...r]));
  const append = (a, value) => a.push(value);
  const pop = (a, i) => (i === undefined ? a.pop() : a.splice(i, 1)[0]);
  const index = (a, value) => a.findIndex((one) => same_as(one, value));

  const startswith = (a, start) => [start].flat().some((s) => a.startsWith(s));
  const removesuffix = (a, end) => (end && a.endsWith(end) ? a.slice(0, -end.length) : a);
  const strip = (a) => a.trim();
  const lstrip = (a, letters) => {
    let from = 0;
    while (from < a.length && letters.includes(a[from])) from++;
    return a.slice(from);
  };
  const join = (between, parts) => list(parts).join(between);
  const replace = (a, old, put_) => a.replaceAll(old, () => put_);
  const split = (a) => a.trim().split(/\s+/).filter(Boolean);
  const isdigit = (a) => /^\d+$/.test(a);
  const isalpha = (a) => /^\p{L}+$/u.test(a);
  const isascii = (a) => /^[\0-\x7f]*$/.test(a);
  const isspace = (a) => /^\s+$/.test(a);
  const ldexp = (a, n) => a * 2 ** n;
  const is_integer = Number.isInteger;

  // Patterns: those of Python that JavaScript reads the same way.
  const pattern = (text, flags = "") => new RegExp(text, `g${flags}`);
  const matched = (m) => m && { item: (i) => m[i] ?? null, start: () => m.index, end: () => m.index + m[0].length };
  const finditer = (re, text) => [...text.matchAll(re)].map(matched);
  const fullmatch = (re, text) => matched(new RegExp(`^(?:${re.source})$`, re.flags.replace("g", "")).exec(text));
  const start = (m) => m.start();
  const end = (m) => m.end();
  const sub_ = (re, by, text) =>
    text.replace(re, (...m) => (typeof by === "string" ? by : by({ item: (i) => m[i] ?? null })));
  const re_sub = (re, by, text) => sub_(pattern(re), by, text);

  // A dataclass with some fields changed.
  function replaced(a, given) {
    const changes = given instanceof Dict ? Object.fromEntries(given.items()) : given;
    return new a.constructor(...Object.keys(a.fields).map((name) => (name in changes ? changes[name] : a[name])));
  }

  // A dataclass made of a dict of its fields; any other function called with the dict.
  const construct = (f, given) =>
    f.prototype?.fields ? new f(...Object.keys(f.prototype.fields).map((name) => (given.has(name) ? given.item(name) : undefined))) : f(given);
  // A dataclass made of its first fields and of others by name.
  const built = (f, given, named) =>
    new f(...Object.keys(f.prototype.fields).map((name, i) => (i < given.length ? given[i] : named[name])));
  const partial = (f, ...given) => (...more) => f(...given, ...more);

  const fields_of = (a) => Object.keys((a.prototype ?? a).fields).map((name) => ({ name }));

  function each_field(a, checks) {
    for (const name of Object.keys(a.fields)) checks.get(name)?.(name, a[name]);
  }

  function isinstance(a, ...kinds) {
    const tests = {
      int: () => Number.isInteger(a),
      float: () => typeof a === "number",
      Real: () => typeof a === "number",
      Integral: () => Number.isInteger(a),
      str: () => typeof a === "string",
      bool: () => typeof a === "boolean",
      list: () => Array.isArray(a),
      dict: () => a instanceof Dict && !(a instanceof PythonSet),
      set: () => a instanceof PythonSet,
    };
    return kinds.some((kind) => (typeof kind === "string" ? tests[kind]() : a instanceof kind));
  }

  // A number in six digits, as Python's `g` writes it.
  function format(a, spec) {
    if (spec !== "g" || !Number.isFinite(a)) return str(a);
    const short = Number(a.toPrecision(6));
    const small = short !== 0 && (Math.abs(short) < 1e-4 || Math.abs(short) >= 1e6);
    const text = small ? short.toExponential() : String(short);
    return text.replace(/e([+-])(\d)$/, "e$10$2");
  }

  Object.assign(descent.python, {
    Dict, KeyError, PythonTypeError, add_to, all, any, apart, append, both, built, combinations, common, construct, dict,
    difference, each_field, either, end, enumerate, fields_of, finditer, format, fromkeys, fullmatch, get, has, index,
    issuperset, is_integer, isalpha, isascii, isdigit, isinstance, isspace, items, join, keys, ldexp, lstrip, next,
    partial, pattern, pop, prod, product, put, re_sub, removesuffix, replace, replaced, reversed, set,
    setdefault, sorted, split, start, startswith, strip, sub_, union, values, zip,
  });
})((globalThis.descent = globalThis.descent || {}));
