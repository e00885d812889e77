// What code translated from Python computes with: numbers, and arrays of them as NumPy has them.
// An operation of numbers gives a number; where one side is an array, it goes element by element,
// and axes of length 1 are stretched. A comparison of arrays gives ones and zeros.
(function (descent) {
  "use strict";

  class NDArray {
    constructor(data, shape) {
      this.data = data instanceof Float64Array ? data : Float64Array.from(data);
      this.shape = shape;
    }

    get ndim() {
      return this.shape.length;
    }

    get size() {
      return this.data.length;
    }

    get T() {
      const [rows, columns] = this.shape;
      const turned = (_, i) => this.data[(i % rows) * columns + Math.floor(i / rows)];
      return this.ndim < 2 ? this : new NDArray(this.data.map(turned), [columns, rows]);
    }

    // Its parts along the first axis: numbers, or arrays of one axis less.
    *[Symbol.iterator]() {
      const [length, ...rest] = this.shape;
      const size = this.size / length;
      for (let i = 0; i < length; i++) {
        yield rest.length ? new NDArray(this.data.slice(i * size, (i + 1) * size), rest) : this.data[i];
      }
    }

    map(f) {
      const data = new Float64Array(this.size);
      for (let i = 0; i < data.length; i++) data[i] = f(this.data[i], i);
      return new NDArray(data, this.shape);
    }

    reshape(...shape) {
      const known = shape.reduce((size, n) => (n < 0 ? size : size * n), 1);
      return new NDArray(this.data, shape.map((n) => (n < 0 ? this.size / known : n)));
    }

    clip(low, high = Infinity) {
      return minimum(maximum(this, low), high);
    }

    sum({ axis = null, keepdims = false } = {}) {
      if (axis === null) return this.data.reduce((total, value) => total + value, 0);
      const at = axis < 0 ? axis + this.ndim : axis;
      const inner = this.shape.slice(at + 1).reduce((a, b) => a * b, 1);
      const length = this.shape[at];
      const shape = this.shape.flatMap((n, i) => (i !== at ? [n] : keepdims ? [1] : []));
      const sums = new Float64Array(this.size / length);
      this.data.forEach((v, i) => (sums[Math.floor(i / (inner * length)) * inner + (i % inner)] += v));
      return shape.length ? new NDArray(sums, shape) : sums[0];
    }

    all() {
      return this.data.every(Boolean);
    }

    tolist() {
      return lists(this);
    }

    mean({ axis = null, keepdims = false } = {}) {
      const count = axis === null ? this.size : this.shape[axis < 0 ? axis + this.ndim : axis];
      return div(this.sum({ axis, keepdims }), count);
    }
  }

  // Return the array of nested lists of numbers, or of a list of arrays of one shape; what is a
  // number or an array already stays so.
  function array(values) {
    if (!Array.isArray(values)) return values;
    if (values[0] instanceof NDArray) {
      return new NDArray(values.flatMap((part) => [...part.data]), [values.length, ...values[0].shape]);
    }
    const shape = [];
    for (let one = values; Array.isArray(one); one = one[0]) shape.push(one.length);
    return new NDArray(values.flat(Infinity), shape);
  }

  const filled = (value) => (size) => array(Array(size).fill(value));
  const [zeros, ones] = [filled(0), filled(1)];

  function lists(a) {
    return a instanceof NDArray ? [...a].map(lists) : a;
  }

  function broadcast(f, a, b) {
    const ndim = Math.max(a.ndim, b.ndim);
    const padded = ({ shape }) => [...Array(ndim - shape.length).fill(1), ...shape];
    const [one, other] = [padded(a), padded(b)];
    const shape = one.map((n, i) => (n === 1 ? other[i] : n));
    if (shape.some((n, i) => other[i] !== 1 && other[i] !== n)) {
      throw new RangeError(`shapes ${a.shape} and ${b.shape} do not go together`);
    }
    const strides = (own) => own.map((n, i) => (n === 1 ? 0 : own.slice(i + 1).reduce((x, y) => x * y, 1)));
    const steps = [strides(one), strides(other)];
    const data = new Float64Array(shape.reduce((x, y) => x * y, 1));
    for (let i = 0; i < data.length; i++) {
      let [rest, at, to] = [i, 0, 0];
      for (let k = ndim - 1; k >= 0; k--) {
        const place = rest % shape[k];
        rest = (rest - place) / shape[k];
        at += place * steps[0][k];
        to += place * steps[1][k];
      }
      data[i] = f(a.data[at], b.data[to]);
    }
    return new NDArray(data, shape);
  }

  // Return an operation of two numbers as one of numbers and arrays.
  function lifted(f, plain = f) {
    return (a, b) => {
      const [left, right] = [a instanceof NDArray, b instanceof NDArray];
      if (!left && !right) return plain(a, b);
      if (!right) return a.map((value) => f(value, b));
      if (!left) return b.map((value) => f(a, value));
      if (a.shape !== b.shape && String(a.shape) !== String(b.shape)) return broadcast(f, a, b);
      return a.map((value, i) => f(value, b.data[i]));
    };
  }

  const each = (f) => (a) => (a instanceof NDArray ? a.map(f) : f(a));
  const repeat = (list, times) => Array.from({ length: times }, () => list).flat();

  const add = lifted((a, b) => a + b, (a, b) => (Array.isArray(a) ? [...a, ...b] : a + b));
  const sub = lifted((a, b) => a - b, (a, b) => (a instanceof Object && a.minus ? a.minus(b) : a - b));
  const mul = lifted((a, b) => a * b, (a, b) => {
    if (typeof a === "string") return a.repeat(b);
    return Array.isArray(a) ? repeat(a, b) : a * b;
  });
  const div = lifted((a, b) => a / b);
  const power = (a, b) => (b === 2 ? a * a : b === 0.5 ? Math.sqrt(a) : a ** b);
  const pow = lifted(power);
  const floordiv = lifted((a, b) => Math.floor(a / b));
  const mod = lifted((a, b) => a - b * Math.floor(a / b));
  const [lt, le] = [lifted((a, b) => a < b), lifted((a, b) => a <= b)];
  const [gt, ge] = [lifted((a, b) => a > b), lifted((a, b) => a >= b)];
  const eq = lifted((a, b) => a === b, (a, b) => same_as(a, b));
  const ne = lifted((a, b) => a !== b, (a, b) => !same_as(a, b));
  const neg = each((a) => -a);
  const abs = each(Math.abs);
  const cos = each(Math.cos);
  const sign_ = each(Math.sign);
  const floor = each(Math.floor);
  const isfinite = each(Number.isFinite);
  const maximum = lifted(Math.max);
  const minimum = lifted(Math.min);
  const maximum_ = maximum;
  const minimum_ = minimum;

  // Whether two values of Python are equal: lists, tuples and dataclasses part by part.
  function same_as(a, b) {
    if (a instanceof Data && b instanceof Data) {
      return a.constructor === b.constructor && Object.keys(a.fields).every((f) => same_as(a[f], b[f]));
    }
    if (Array.isArray(a) && Array.isArray(b)) {
      return a.length === b.length && a.every((value, i) => same_as(value, b[i]));
    }
    return a === b || (a == null && b == null);
  }

  // The product of matrices; a vector is a row on the left and a column on the right, as in NumPy.
  function matmul(a, b) {
    if (a.ndim === 1 && b.ndim === 1) return mul(a, b).sum();
    if (a.ndim === 1) return matmul(a.reshape(1, -1), b).reshape(-1);
    if (b.ndim === 1) return matmul(a, b.reshape(-1, 1)).reshape(-1);
    const [rows, inner] = a.shape;
    const columns = b.shape[1];
    const data = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < inner; k++) {
        const value = a.data[i * inner + k];
        for (let j = 0; j < columns; j++) data[i * columns + j] += value * b.data[k * columns + j];
      }
    }
    return new NDArray(data, [rows, columns]);
  }

  // Python's own functions, of what the rules ask them for.
  const where = (condition, yes, no) => (truthy(condition) ? yes() : no());
  const choose = (condition, yes, no) => add(mul(condition, yes), mul(eq(condition, 0), no));
  const clipped = (a, low, high) => minimum(maximum(a, low), high);
  const total = (a, options) => (a instanceof NDArray ? a.sum(options) : a);
  // `max` and `min` of numbers, or of a list, with `key` and `default` as Python has them.
  const extreme = (f) => (first, ...rest) => {
    if (rest.length && typeof rest[0] === "number") return f(first, ...rest);
    const [values, { key = null, default: usual } = {}] = [[...iter(first)], rest[0]];
    if (!values.length) return usual;
    if (!key) return f(...values);
    const keyed = values.map((value) => [[key(value)].flat().map(Number), value]);
    const order = (a, b) => a[0].reduce((sign, part, i) => sign || part - b[0][i], 0);
    return keyed.reduce((a, b) => ((f === Math.min ? order(b, a) : order(a, b)) < 0 ? b : a))[1];
  };
  const [max, min] = [extreme(Math.max), extreme(Math.min)];
  const sum = (values, start = 0) => [...iter(values)].reduce((a, b) => add(a, b), start);
  function range(from, to = null) {
    const [start, end] = to === null ? [0, from] : [from, to];
    if (end - start > 1e6) throw new RangeError("more than a million terms are not computed");
    return Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
  }
  const hasattr = (a, name) => a instanceof Object && name in a;
  const getattr = (a, name, usual) => a?.[name] ?? usual;
  const len = (a) => a.length ?? a.size ?? a.shape[0];
  const list = (a = []) => [...iter(a)];
  const callable = (a) => typeof a === "function";
  const type = (a) => (typeof a === "number" ? Number : a.constructor);
  const item = (a, i) => (a.item ? a.item(i) : Array.isArray(a) || typeof a === "string" ? a.at(i) : [...a].at(i));
  const iter = (a) => (a.keys && !Array.isArray(a) ? a.keys() : a);
  const slice = (a, from, to) => a.slice(from ?? 0, to ?? undefined);
  const int = (a) => Math.trunc(Number(a));
  const float = Number;
  const never = () => false;
  const same = (a) => a;

  function truthy(a) {
    if (Array.isArray(a)) return a.length > 0;
    if (!(a instanceof Object)) return Boolean(a);
    if (a instanceof NDArray && a.size === 1) return Boolean(a.data[0]);
    if (a instanceof NDArray) throw new TypeError("an array of several values is neither true nor false");
    return a.size !== 0;
  }

  // A number as Python writes a float, but for a whole one, which has no ".0" here.
  function digits(a) {
    if (!Number.isFinite(a)) return String(a).replace("Infinity", "inf").replace("NaN", "nan");
    const is_far = a !== 0 && (Math.abs(a) < 1e-4 || Math.abs(a) >= 1e16);
    return is_far ? a.toExponential().replace(/e([+-])(\d)$/, "e$10$2") : String(a);
  }

  function str(a) {
    if (a == null) return "None";
    if (typeof a === "number") return digits(a);
    if (a instanceof Data) {
      const fields = Object.keys(a.fields).map((name) => `${name}=${repr(a[name])}`);
      return `${a.constructor.name}(${fields.join(", ")})`;
    }
    if (typeof a === "function") return "a function";
    if (a instanceof Error) return a.message;
    if (a instanceof NDArray) return `[${[...a].map(str).join(" ")}]`;
    return typeof a === "boolean" ? (a ? "True" : "False") : String(a);
  }

  function repr(a) {
    if (typeof a === "string") return `'${a}'`;
    return Array.isArray(a) ? `[${a.map(repr).join(", ")}]` : str(a);
  }

  class ValueError extends Error {}
  class Undone extends Error {}

  // A dataclass of Python: its fields stand in `fields`, with their defaults.
  class Data {
    constructor(...values) {
      Object.entries(this.fields).forEach(([name, usual], i) => {
        const value = values[i] === undefined ? usual : values[i];
        this[name] = value instanceof Factory ? value.make() : value;
      });
      this.__post_init__?.();
      if (!this.__call__) return;
      const called = (...values_) => called.__call__(...values_);
      return Object.setPrototypeOf(Object.assign(called, this), new.target.prototype);
    }
  }

  class Factory {
    constructor(make) {
      this.make = make;
    }
  }

  const factory = (make) => new Factory(make);

  function dataclass(made, fields = {}, shared = {}) {
    Object.assign(made.prototype, shared);
    made.prototype.fields = { ...made.prototype.fields, ...fields };
    return made;
  }

  // A named tuple.
  function record(...names) {
    return class {
      static _fields = names;

      constructor(...values) {
        names.forEach((name, i) => (this[name] = values[i]));
      }

      *[Symbol.iterator]() {
        for (const name of names) yield this[name];
      }
    };
  }

  descent.python = {};
  Object.assign(descent.python, {
    abs, add, array, callable, choose, clipped, cos, Data, dataclass, div, eq, factory, float,
    floor, floordiv, ge, getattr, gt, hasattr, int, isfinite, item, iter, le, len, list, lists,
    lt, matmul, max, maximum_, min, minimum_, mod, mul, NDArray, ne, neg, never, ones, pow, range,
    record, repr, same, same_as, sign_, slice, str, sub, sum, total, truthy, type, Undone,
    ValueError, where, zeros,
  });
})((globalThis.descent = globalThis.descent || {}));
