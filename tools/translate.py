"""Translate Python of the package to JavaScript, for the pages whose scripts compute with it.

    print(script({"descent.rules": ["Adam", "Muon"]}).text)

What is asked for is translated with all that it uses, from whichever module of the package. Numbers
that are annotated as such, `t: int`, `beta1: float`, meet plain operators; everything else meets
the functions of `book/_static/descent/array.js`, which also take arrays, as NumPy does, and
those of `python.js`, for lists, texts and dicts. A name that neither has, or a construct that is
not understood, stops the build with the file, the line and the construct.

What means something else in JavaScript: integers are floats, a generator expression is computed
at once, a loop's variable ends with the loop, and nothing is hashed but numbers, texts and tuples
of them.
"""

import ast
import importlib
import importlib.util
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tools import project

RUNTIME = [project.BOOK / "_static" / "descent" / f"{name}.js" for name in ("array", "python")]
"""The functions that translated code calls, written by hand."""

EXTERNAL = {
    "math.pi": "Math.PI",
    "math.exp": "Math.exp",
    "math.sqrt": "Math.sqrt",
    "math.inf": "Infinity",
    "math.nan": "NaN",
    "math.isfinite": "Number.isFinite",
    "math.floor": "Math.floor",
    "math.prod": "prod",
    "numpy.abs": "abs",
    "numpy.floor": "floor",
    "numpy.maximum": "maximum_",
    "numpy.minimum": "minimum_",
    "numpy.sign": "sign_",
    "numpy.cos": "cos",
    "numpy.sum": "total",
    "numpy.where": "choose",
    "numpy.clip": "clipped",
    "numpy.zeros": "zeros",
    "numpy.ones": "ones",
    "numpy.array": "array",
    "numpy.asarray": "array",
    "numpy.stack": "stack",
    "numpy.float64": '"float64"',
    "numpy.isfinite": "isfinite",
    "operator.add": "add",
    "operator.sub": "sub",
    "operator.mul": "mul",
    "operator.neg": "neg",
    "operator.gt": "gt",
    "operator.lt": "lt",
    "operator.ge": "ge",
    "operator.le": "le",
    "re.compile": "pattern",
    "re.sub": "re_sub",
    "re.DOTALL": '"s"',
    "dataclasses.replace": "replaced",
    "dataclasses.fields": "fields_of",
    "itertools.product": "product",
    "itertools.combinations": "combinations",
    "numbers.Real": '"Real"',
    "numbers.Integral": '"Integral"',
    "descent._numbers.plain": "same",
    "descent._numbers.where": "where",
    "descent._numbers.sqrt": "Math.sqrt",
    "descent._numbers.cos": "Math.cos",
    "descent._numbers.is_traced": "never",
    "descent._check.each_field": "each_field",
}
"""What other modules define, and the function that stands for it."""

BUILTINS = {
    **{name: name for name in ("abs", "any", "all", "dict", "enumerate", "getattr", "hasattr")},
    **{name: name for name in ("len", "list", "max", "min", "next", "range", "reversed", "set")},
    **{name: name for name in ("sorted", "str", "sum", "zip", "isinstance", "repr", "callable")},
    **{"tuple": "list", "frozenset": "set", "type": "type", "iter": "iter", "round": "round"},
    **{"int": "int", "float": "float", "bool": "truthy", "ValueError": "ValueError"},
    **{"TypeError": "PythonTypeError", "KeyError": "KeyError", "NotImplementedError": "Undone"},
}
TYPES = {"int": '"int"', "float": '"float"', "str": '"str"', "bool": '"bool"', "list": '"list"'}
TYPES |= {"tuple": '"list"', "dict": '"dict"', "set": '"set"'}
"""Types of Python, as `isinstance` is asked for them."""

METHODS = {
    *("append", "add", "items", "keys", "values", "get", "setdefault", "pop", "count"),
    *("startswith", "endswith", "removesuffix", "removeprefix", "strip", "lstrip", "rstrip"),
    *("split", "join", "replace", "isdigit", "isalpha", "isascii", "isspace", "is_integer"),
    *("sort", "start", "end", "finditer", "fullmatch", "sub", "lower", "upper", "index"),
}
"""Methods of Python's own types; a function of that name with the object first stands for each."""

RENAMED = {"add": "add_to", "sub": "sub_"}
"""Those whose names an operation has."""

OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "add"),
    ast.Sub: ("-", "sub"),
    ast.Mult: ("*", "mul"),
    ast.Div: ("/", "div"),
    ast.Pow: ("**", "pow"),
    ast.MatMult: ("", "matmul"),
    ast.FloorDiv: ("", "floordiv"),
    ast.Mod: ("", "mod"),
    ast.BitOr: ("", "union"),
    ast.BitAnd: ("", "common"),
    ast.Eq: ("===", "eq"),
    ast.NotEq: ("!==", "ne"),
    ast.Lt: ("<", "lt"),
    ast.LtE: ("<=", "le"),
    ast.Gt: (">", "gt"),
    ast.GtE: (">=", "ge"),
}
LEVELS = {"**": 5, "*": 4, "/": 4, "+": 3, "-": 3, "<": 2, "<=": 2, ">": 2, ">=": 2}
LEVELS |= {"===": 1, "!==": 1}
ATOM, PREFIX, LOOSE = 9, 6, 0

KEYWORDS = {
    *("arguments", "case", "catch", "const", "debugger", "default", "delete", "do", "enum", "eval"),
    *("export", "extends", "function", "implements", "instanceof", "interface", "let", "new"),
    *("package", "private", "protected", "public", "static", "super", "switch", "this", "throw"),
    *("typeof", "var", "void", "undefined", "NaN", "Infinity", "Math", "Number", "String"),
}
IGNORED = {"__init_subclass__", "__repr__", "__str__"}
"""Methods that no translated code calls."""

Kind = Any
"""What an expression is known to be: "num", "bool", "str", a `Known` class, or None."""

NUMBERS = {"int", "float"}
EMPTY = ast.ClassDef("", bases=[], keywords=[], body=[], decorator_list=[])
"""The body of a class of which nothing is known."""


class UntranslatableError(ValueError):
    """Something has no JavaScript here; the message says where and what."""


class MissingError(Exception):
    """The runtime has no such function."""


@dataclass
class Module:
    """A module of the package: its tree, and where its names come from."""

    name: str
    path: Path
    tree: ast.Module
    defined: dict[str, ast.stmt] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                self.imported |= {(a.asname or a.name): a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                self.imported |= {
                    (a.asname or a.name): f"{node.module}.{a.name}" for a in node.names
                }
        for statement in self.tree.body:
            for name in _names_of(statement):
                self.defined[name] = statement

    def error(self, node: ast.AST, what: str) -> UntranslatableError:
        """Return the error that names a place."""
        where = f"{self.path.relative_to(project.ROOT)}:{getattr(node, 'lineno', 0)}"
        code = ast.unparse(node).splitlines()[0] if isinstance(node, ast.AST) else ""
        return UntranslatableError(f"{where}: {what} has no translation to JavaScript: `{code}`")


def _names_of(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.AnnAssign):
        return [statement.target.id] if isinstance(statement.target, ast.Name) else []
    if isinstance(statement, ast.AugAssign):
        return []
    if isinstance(statement, ast.Assign):
        return [n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    return []


@cache
def module(name: str) -> Module:
    """Return a module of the package by its full name."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin)
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


@dataclass
class Known:
    """A class of the package: what its fields and methods are known to give."""

    name: str
    node: ast.ClassDef
    module: Module
    bases: list["Known"]
    is_record: bool = False
    is_data: bool = False
    fields: dict[str, ast.expr | None] = field(default_factory=dict)
    annotations: dict[str, ast.expr] = field(default_factory=dict)
    inner: dict[str, "Known"] = field(default_factory=dict)
    methods: dict[str, ast.FunctionDef] = field(default_factory=dict)

    def find(self, table: str, name: str) -> Any:
        """Return an entry of one of its tables, or of a base's."""
        for one in (self, *self.bases):
            found = one.__dict__[table].get(name) if one is self else one.find(table, name)
            if found is not None:
                return found
        return None

    def all_fields(self) -> dict[str, ast.expr | None]:
        """Return its fields with their defaults, those of its bases first."""
        found: dict[str, ast.expr | None] = {}
        for base in self.bases:
            found |= base.all_fields()
        return found | self.fields


class Program:
    """All that is translated, in the order in which it can be run."""

    def __init__(
        self,
        leave_out: Iterable[str],
        known: Mapping[str, str],
        shows: Callable[[str], bool] | None,
    ) -> None:
        self.leave_out = {*IGNORED, *leave_out}
        self.shows = shows
        self.pieces: list[str] = []
        self.exported: dict[tuple[str, str], str] = {}
        self.helpers: set[str] = set()
        self.classes: dict[tuple[str, str], Known] = {}
        self.taken = set(known.values())
        self.elsewhere = dict(known)
        self.used_elsewhere: set[str] = set()
        self.helper_names = helper_names()

    def helper(self, name: str) -> str:
        """Return the name of a function of the runtime, and note that it is used."""
        root = name.partition(".")[0]
        if root in self.helper_names:
            self.helpers.add(root)
        elif root.isidentifier() and root not in KEYWORDS:
            raise MissingError(name)
        return name

    def request(self, home: str, name: str) -> str:
        """Return what a name of a module is called, translated with all that it uses."""
        key = (home, name)
        full = f"{home}.{name}"
        if full in self.elsewhere:
            self.used_elsewhere.add(self.elsewhere[full])
            return self.elsewhere[full]
        if key not in self.exported:
            called = safe(name, self.helper_names)
            if called in self.taken:
                called = f"{called}_{home.rpartition('.')[2].strip('_')}"
            self.taken.add(called)
            self.exported[key] = called
            self.pieces.append(self.piece(module(home), name, called))
        return self.exported[key]

    def piece(self, home: Module, name: str, called: str) -> str:
        """Return the translation of what a module defines."""
        if name not in home.defined:
            raise UntranslatableError(f"{home.name} defines no {name}")
        node = home.defined[name]
        scope = _Scope(self, home)
        if isinstance(node, ast.ClassDef):
            return scope.class_(node, called)
        if isinstance(node, ast.FunctionDef):
            return scope.function(node, called)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                try:
                    return f"const {called} = {scope.text(node.value)};"
                except UntranslatableError:
                    return f"const {called} = {computed(home, name)};"
            names = [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]
            place = names.index(name)
            return f"const {called} = {self.helper('item')}({scope.text(node.value)}, {place});"
        raise home.error(node, "this statement")

    def known(self, home: Module, name: str) -> Known | None:
        """Return what is known of a class by its name in a module, if it is one of the package."""
        full = home.imported.get(name)
        if full is not None:
            parent, _, name = full.rpartition(".")
            if not parent.startswith("descent"):
                return None
            home = module(parent)
            if name in home.imported:
                return self.known(home, name)
        node = home.defined.get(name)
        if not isinstance(node, ast.ClassDef):
            return None
        return self.described(home, node, name)

    def described(self, home: Module, node: ast.ClassDef, name: str) -> Known:
        """Return what is known of a class."""
        key = (home.name, name)
        if key in self.classes:
            return self.classes[key]
        texts = [ast.unparse(base) for base in node.bases]
        bases = [b for b in (self.known(home, text) for text in texts) if b]
        found = Known(name, node, home, bases)
        self.classes[key] = found
        found.is_record = "NamedTuple" in texts
        decorators = [ast.unparse(d).partition("(")[0] for d in node.decorator_list]
        found.is_data = "dataclass" in decorators or any(b.is_data for b in bases)
        own = "dataclass" in decorators or found.is_record
        for one in node.body:
            if isinstance(one, ast.FunctionDef):
                found.methods[one.name] = one
            elif isinstance(one, ast.ClassDef):
                found.inner[one.name] = self.described(home, one, f"{name}.{one.name}")
            elif isinstance(one, ast.Assign) and isinstance(one.value, ast.Name):
                inner = self.known(home, one.value.id)
                if inner and isinstance(one.targets[0], ast.Name):
                    found.inner[one.targets[0].id] = inner
            elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                if ast.unparse(one.annotation).startswith("ClassVar"):
                    continue
                found.annotations[one.target.id] = one.annotation
                if own:
                    found.fields[one.target.id] = one.value
        return found


def computed(home: Module, name: str) -> str:
    """Return a constant that is a number as the module itself computes it."""
    value = getattr(importlib.import_module(home.name), name, None)
    if not isinstance(value, float):
        raise home.error(home.defined[name], "this constant")
    return repr(value)


def safe(name: str, taken: set[str]) -> str:
    """Return a name that JavaScript and the runtime leave free."""
    return f"{name}_" if name in KEYWORDS or name in taken else name


@cache
def helper_names() -> set[str]:
    """Return the names that the runtime defines."""
    found: set[str] = set()
    for path in RUNTIME:
        text = path.read_text(encoding="utf-8")
        for exported in re.findall(r"Object\.assign\(descent\.python, \{([^}]*)\}", text):
            found |= set(re.findall(r"\w+", exported))
    return found


class _Scope:
    """Translates what stands in one function, class or module."""

    def __init__(self, program: Program, home: Module, outer: "_Scope | None" = None) -> None:
        self.program, self.module, self.outer = program, home, outer
        self.kinds: dict[str, Kind] = dict(outer.kinds) if outer else {}
        self.locals: dict[str, str] = dict(outer.locals) if outer else {}
        self.own: Known | None = outer.own if outer else None
        self.me: str = outer.me if outer else ""
        self.functions: dict[str, ast.FunctionDef] = dict(outer.functions) if outer else {}

    # --- names ------------------------------------------------------------------------------------

    def error(self, node: ast.AST, what: str) -> UntranslatableError:
        return self.module.error(node, what)

    def helper(self, name: str) -> str:
        return self.program.helper(name)

    def name(self, node: ast.Name) -> str:
        """Return what a name is called."""
        name = node.id
        if name == self.me:
            return "this"
        if name in self.locals:
            return self.locals[name]
        found = self.global_(name)
        if found is None:
            raise self.error(node, "a name")
        return found

    def global_(self, name: str) -> str | None:
        if name in self.module.defined:
            full = f"{self.module.name}.{name}"
            if full in EXTERNAL:
                return self.helper(EXTERNAL[full])
            return self.program.request(self.module.name, name)
        full = self.module.imported.get(name, "")
        if full:
            return self.imported(full)
        return self.helper(BUILTINS[name]) if name in BUILTINS else None

    def imported(self, full: str) -> str | None:
        """Return what a name of another module is called, by its full name."""
        if full in EXTERNAL:
            return self.helper(EXTERNAL[full])
        home, _, name = full.rpartition(".")
        if not home.startswith("descent"):
            return None
        found = module(home)
        if name in found.defined:
            return self.program.request(home, name)
        return self.imported(found.imported[name]) if name in found.imported else None

    def full_name(self, node: ast.expr) -> str:
        """Return the full name of an attribute of an imported module, or nothing."""
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            return ""
        if node.value.id in self.locals:
            return ""
        home = self.module.imported.get(node.value.id)
        return f"{home}.{node.attr}" if home else ""

    # --- kinds ------------------------------------------------------------------------------------

    def kind_of(self, annotation: ast.expr | None) -> Kind:
        """Return what an annotation says."""
        if annotation is None:
            return None
        text = ast.unparse(annotation).strip("\"'")
        if text in NUMBERS:
            return "num"
        if text in ("bool", "str"):
            return text
        last = text.rpartition(".")[2]
        if self.own and (inner := self.own.find("inner", last)):
            return inner
        return self.program.known(self.module, text) if text.isidentifier() else None

    # --- expressions ------------------------------------------------------------------------------

    def text(self, node: ast.expr, level: int = LOOSE) -> str:
        """Return an expression, in brackets where it binds less than `level`."""
        text, binds, _ = self.expression(node)
        return f"({text})" if binds < level else text

    def expression(self, node: ast.expr) -> tuple[str, int, Kind]:
        """Return an expression, how tightly it binds, and what it is known to be."""
        method = getattr(self, f"_expr_{type(node).__name__.lower()}", None)
        if method is None:
            raise self.error(node, type(node).__name__)
        try:
            found: tuple[str, int, Kind] = method(node)
        except MissingError as error:
            raise self.error(node, str(error)) from error
        return found

    def condition(self, node: ast.expr, level: int = LOOSE) -> str:
        """Return an expression as JavaScript's `if` wants it."""
        if isinstance(node, ast.BoolOp):
            sign = " && " if isinstance(node.op, ast.And) else " || "
            text = sign.join(self.condition(value, 1) for value in node.values)
            return f"({text})" if level > LOOSE else text
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"!{self.condition(node.operand, PREFIX)}"
        text, binds, kind = self.expression(node)
        if kind != "bool":
            text, binds = f"{self.helper('truthy')}({text})", ATOM
        return f"({text})" if binds < level else text

    def _expr_constant(self, node: ast.Constant) -> tuple[str, int, Kind]:
        value = node.value
        if value is None:
            return "null", ATOM, None
        if isinstance(value, bool):
            return str(value).lower(), ATOM, "bool"
        if isinstance(value, int | float):
            return repr(value), ATOM, "num"
        if isinstance(value, str):
            return quoted(value), ATOM, "str"
        raise self.error(node, "a constant of this type")

    def _expr_name(self, node: ast.Name) -> tuple[str, int, Kind]:
        kind = self.own if node.id == self.me and self.me else self.kinds.get(node.id)
        return self.name(node), ATOM, kind

    def _expr_attribute(self, node: ast.Attribute) -> tuple[str, int, Kind]:
        if full := self.full_name(node):
            found = self.imported(full)
            if found is None:
                raise self.error(node, "a name")
            return found, ATOM, None
        text, binds, kind = self.expression(node.value)
        text = f"({text})" if binds < ATOM else text
        found = None
        if isinstance(kind, Known):
            annotation = kind.find("annotations", node.attr)
            method = kind.find("methods", node.attr)
            if annotation is None and method is not None and _is_property(method):
                annotation = method.returns
            scope = _Scope(self.program, kind.module)
            scope.own = kind
            found = scope.kind_of(annotation)
            found = found or kind.find("inner", node.attr)
        return f"{text}.{node.attr}", ATOM, found

    def _expr_binop(self, node: ast.BinOp) -> tuple[str, int, Kind]:
        return self.binary(node, node.op, node.left, node.right)

    def binary(
        self, node: ast.AST, op: ast.AST, left: ast.expr, right: ast.expr
    ) -> tuple[str, int, Kind]:
        """Return an operation: an operator between numbers, a function of anything else."""
        if type(op) not in OPERATORS:
            raise self.error(node, f"the operator {type(op).__name__}")
        sign, function = OPERATORS[type(op)]
        (a, bind_a, kind_a), (b, bind_b, kind_b) = self.expression(left), self.expression(right)
        is_comparison = isinstance(op, ast.cmpop)
        plain = {kind_a, kind_b} <= {"num"} if isinstance_known(kind_a, kind_b) else False
        texts = "str" in (kind_a, kind_b) and sign in ("===", "!==")
        if texts or (plain and sign):
            level = LEVELS[sign]
            least = (level + 1, level) if sign == "**" else (level, level + 1)
            if sign == "**" and bind_a == PREFIX:
                least = (ATOM, least[1])
            a = f"({a})" if bind_a < least[0] else a
            b = f"({b})" if bind_b < least[1] else b
            return f"{a} {sign} {b}", level, "bool" if is_comparison else "num"
        return f"{self.helper(function)}({a}, {b})", ATOM, None

    def _expr_unaryop(self, node: ast.UnaryOp) -> tuple[str, int, Kind]:
        if isinstance(node.op, ast.Not):
            return f"!{self.condition(node.operand, PREFIX)}", PREFIX, "bool"
        if not isinstance(node.op, ast.USub):
            raise self.error(node, "this operator")
        text, binds, kind = self.expression(node.operand)
        if kind != "num":
            return f"{self.helper('neg')}({text})", ATOM, None
        return f"-{text}" if binds >= PREFIX else f"-({text})", PREFIX, "num"

    def _expr_compare(self, node: ast.Compare) -> tuple[str, int, Kind]:
        left, parts, kinds = node.left, [], set()
        for op, right in zip(node.ops, node.comparators, strict=True):
            text, binds, kind = self.compared(node, op, left, right)
            parts.append(f"({text})" if binds < 1 else text)
            kinds.add(kind)
            left = right
        if len(parts) == 1:
            return parts[0], binds, kind
        if kinds != {"bool"}:
            parts = [f"{self.helper('truthy')}({p})" for p in parts]
        return " && ".join(parts), LOOSE, "bool"

    def compared(
        self, node: ast.AST, op: ast.cmpop, left: ast.expr, right: ast.expr
    ) -> tuple[str, int, Kind]:
        if isinstance(op, ast.Is | ast.IsNot):
            equal = isinstance(op, ast.Is)
            is_none = isinstance(right, ast.Constant) and right.value is None
            sign = ("==" if equal else "!=") + ("" if is_none else "=")
            return f"{self.text(left, 2)} {sign} {self.text(right, 2)}", 1, "bool"
        if isinstance(op, ast.In | ast.NotIn):
            text = f"{self.helper('has')}({self.text(right)}, {self.text(left)})"
            return (text, ATOM, "bool") if isinstance(op, ast.In) else (f"!{text}", PREFIX, "bool")
        return self.binary(node, op, left, right)

    def _expr_boolop(self, node: ast.BoolOp) -> tuple[str, int, Kind]:
        kinds = [self.expression(value)[2] for value in node.values]
        if all(kind == "bool" for kind in kinds):
            return self.condition(node), LOOSE, "bool"
        helper = self.helper("both" if isinstance(node.op, ast.And) else "either")
        first, *rest = [self.text(value) for value in node.values]
        return f"{helper}({', '.join([first, *(f'() => {r}' for r in rest)])})", ATOM, None

    def _expr_ifexp(self, node: ast.IfExp) -> tuple[str, int, Kind]:
        (yes, _, kind), (no, _, other) = self.expression(node.body), self.expression(node.orelse)
        yes = self.text(node.body, 1)
        no = self.text(node.orelse, 0)
        return (
            f"{self.condition(node.test, 1)} ? {yes} : {no}",
            LOOSE,
            kind if kind == other else None,
        )

    def _expr_tuple(self, node: ast.Tuple | ast.List) -> tuple[str, int, Kind]:
        return f"[{self.items(node.elts)}]", ATOM, None

    _expr_list = _expr_tuple

    def _expr_set(self, node: ast.Set) -> tuple[str, int, Kind]:
        return f"{self.helper('set')}([{self.items(node.elts)}])", ATOM, None

    def items(self, nodes: Sequence[ast.expr]) -> str:
        return ", ".join(self.spread(one) for one in nodes)

    def spread(self, node: ast.expr) -> str:
        if isinstance(node, ast.Starred):
            return f"...{self.helper('iter')}({self.text(node.value)})"
        return self.text(node)

    def _expr_dict(self, node: ast.Dict) -> tuple[str, int, Kind]:
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                pairs.append(f"...{self.helper('items')}({self.text(value)})")
            else:
                pairs.append(f"[{self.text(key)}, {self.text(value)}]")
        return f"{self.helper('dict')}([{', '.join(pairs)}])", ATOM, None

    def _expr_subscript(self, node: ast.Subscript) -> tuple[str, int, Kind]:
        value = self.text(node.value)
        if isinstance(node.slice, ast.Slice):
            ends = [node.slice.lower, node.slice.upper, node.slice.step]
            texts = [self.text(e) if e is not None else "null" for e in ends]
            while texts and texts[-1] == "null":
                texts.pop()
            return f"{self.helper('slice')}({', '.join([value, *texts])})", ATOM, None
        return f"{self.helper('item')}({value}, {self.text(node.slice)})", ATOM, None

    def _expr_lambda(self, node: ast.Lambda) -> tuple[str, int, Kind]:
        inner = _Scope(self.program, self.module, self)
        arguments = inner.parameters(node.args)
        return f"({arguments}) => {inner.arrow_body(node.body)}", LOOSE, None

    def arrow_body(self, node: ast.expr) -> str:
        text = self.text(node)
        return f"({text})" if text.startswith("{") else text

    def _expr_joinedstr(self, node: ast.JoinedStr) -> tuple[str, int, Kind]:
        found = ""
        for value in node.values:
            if isinstance(value, ast.Constant):
                text = quoted(str(value.value))[1:-1].replace('\\"', '"')
                found += text.replace("`", "\\`").replace("${", "\\${")
            elif isinstance(value, ast.FormattedValue):
                found += "${" + self.formatted(value) + "}"
        return f"`{found}`", ATOM, "str"

    def formatted(self, node: ast.FormattedValue) -> str:
        text, _, kind = self.expression(node.value)
        if node.conversion == 114:
            return f"{self.helper('repr')}({text})"
        if node.format_spec is None:
            return text if kind == "str" else f"{self.helper('str')}({text})"
        spec = self.expression(node.format_spec)[0]
        return f"{self.helper('format')}({text}, {spec})"

    def _expr_namedexpr(self, node: ast.NamedExpr) -> tuple[str, int, Kind]:
        return f"({self.name(node.target)} = {self.text(node.value)})", ATOM, None

    def _expr_starred(self, node: ast.Starred) -> tuple[str, int, Kind]:
        return self.spread(node), ATOM, None

    # --- comprehensions ---------------------------------------------------------------------------

    def _expr_listcomp(self, node: Any) -> tuple[str, int, Kind]:
        return self.comprehended(node.generators, node.elt), ATOM, None

    _expr_generatorexp = _expr_listcomp

    def _expr_setcomp(self, node: ast.SetComp) -> tuple[str, int, Kind]:
        return f"{self.helper('set')}({self.comprehended(node.generators, node.elt)})", ATOM, None

    def _expr_dictcomp(self, node: ast.DictComp) -> tuple[str, int, Kind]:
        pair = ast.Tuple([node.key, node.value], ast.Load())
        return f"{self.helper('dict')}({self.comprehended(node.generators, pair)})", ATOM, None

    def comprehended(self, generators: Sequence[ast.comprehension], element: ast.expr) -> str:
        """Return a list: `[...iter(it)].filter(...).map(...)`."""
        one, *rest = generators
        found = f"{self.helper('list')}({self.text(one.iter)})"
        inner = _Scope(self.program, self.module, self)
        target = inner.bound(one.target)
        for test in one.ifs:
            found += f".filter(({target}) => {inner.condition(test)})"
        if rest:
            return f"{found}.flatMap(({target}) => {inner.comprehended(rest, element)})"
        text = inner.arrow_body(element)
        return found if text == target else f"{found}.map(({target}) => {text})"

    def bound(self, target: ast.expr) -> str:
        """Return a pattern, whose names are from here on local."""
        if isinstance(target, ast.Name):
            self.kinds.pop(target.id, None)
            self.locals[target.id] = safe(target.id, self.program.helper_names)
            return self.locals[target.id]
        if isinstance(target, ast.Tuple | ast.List):
            return f"[{', '.join(self.bound(one) for one in target.elts)}]"
        if isinstance(target, ast.Starred):
            return f"...{self.bound(target.value)}"
        raise self.error(target, "this target")

    # --- calls ------------------------------------------------------------------------------------

    def _expr_call(self, node: ast.Call) -> tuple[str, int, Kind]:
        called = node.func
        if isinstance(called, ast.Name) and called.id not in self.locals:
            if called.id == "isinstance":
                return self.is_instance(node), ATOM, "bool"
            if called.id in ("hasattr", "callable", "any", "all"):
                return f"{self.helper(called.id)}({self.arguments(node, None)})", ATOM, "bool"
            if called.id == "len":
                return f"{self.helper('len')}({self.arguments(node, None)})", ATOM, "num"
            if called.id in ("max", "min") and all(
                self.expression(a)[2] == "num" for a in node.args
            ):
                return f"Math.{called.id}({self.arguments(node, None)})", ATOM, "num"
        if isinstance(called, ast.Attribute) and (found := self.method(node, called)) is not None:
            return found
        target, known, function = self.resolved(called)
        if known is not None:
            kind = known
            return f"new {target}({self.arguments(node, known)})", ATOM, kind
        if target in ("same",) and len(node.args) == 1:
            return self.expression(node.args[0])
        returned = function and _Scope(self.program, function[0]).kind_of(function[1].returns)
        text = self.arguments(node, function[1] if function else None)
        is_number = target.startswith("Math.")
        return f"{target}({text})", ATOM, "num" if is_number else returned

    def resolved(self, called: ast.expr) -> tuple[str, Known | None, Any]:
        """Return what is called, what is known of it as a class, and where it is defined."""
        if isinstance(called, ast.Name) and called.id not in self.locals:
            full = self.module.imported.get(called.id, f"{self.module.name}.{called.id}")
        elif isinstance(called, ast.Name) and called.id in self.functions:
            return self.locals[called.id], None, (self.module, self.functions[called.id])
        else:
            full = self.full_name(called)
        text, binds, kind = self.expression(called)
        text = f"({text})" if binds < ATOM else text
        is_class = isinstance(called, ast.Attribute) and called.attr[:1].isupper()
        if not full and isinstance(kind, Known) and is_class:
            return text, kind, None
        home, _, name = full.rpartition(".")
        while home.startswith("descent") and name in module(home).imported:
            home, _, name = module(home).imported[name].rpartition(".")
        if not home.startswith("descent") or f"{home}.{name}" in EXTERNAL:
            if (
                isinstance(called, ast.Attribute) and is_class and not full
            ):  # self.State of a class that has none of its own
                return text, Known(called.attr, EMPTY, self.module, []), None
            return text, None, None
        node = module(home).defined.get(name)
        if isinstance(node, ast.ClassDef):
            return text, self.program.described(module(home), node, name), None
        return text, None, (module(home), node) if isinstance(node, ast.FunctionDef) else None

    def method(self, node: ast.Call, called: ast.Attribute) -> tuple[str, int, Kind] | None:
        """Return the call of a method, if it is one."""
        receiver, name = called.value, called.attr
        if isinstance(receiver, ast.Call) and ast.unparse(receiver.func) == "super":
            if name == "__init__":
                return f"super({self.arguments(node, None)})", ATOM, None
            return f"super.{name}({self.arguments(node, None)})", ATOM, None
        if self.full_name(called):
            return None
        if isinstance(receiver, ast.Name) and receiver.id in ("dict",) and name == "fromkeys":
            return f"{self.helper('fromkeys')}({self.arguments(node, None)})", ATOM, None
        text, binds, kind = self.expression(receiver)
        text = f"({text})" if binds < ATOM else text
        known = kind if isinstance(kind, Known) else None
        found = known.find("methods", name) if known else None
        if found is None and name in METHODS:
            text = ", ".join([text, *filter(None, [self.arguments(node, None)])])
            return f"{self.helper(RENAMED.get(name, name))}({text})", ATOM, None
        if name[:1].isupper():
            return None
        if known and name.startswith("__") and found:  # Rule.__post_init__(self)
            return f"{text}.prototype.{name}.call({self.arguments(node, None)})", ATOM, None
        scope = _Scope(self.program, known.module) if known else self
        scope.own = known or self.own
        returned = scope.kind_of(found.returns) if found else None
        return f"{text}.{name}({self.arguments(node, found)})", ATOM, returned

    def is_instance(self, node: ast.Call) -> str:
        thing, kinds = node.args
        names = []
        pending = [kinds]
        while pending:
            one = pending.pop(0)
            if isinstance(one, ast.BinOp):
                pending = [one.left, one.right, *pending]
            elif isinstance(one, ast.Tuple):
                pending = [*one.elts, *pending]
            elif isinstance(one, ast.Name) and one.id in TYPES:
                names.append(TYPES[one.id])
            else:
                names.append(self.text(one))
        return f"{self.helper('isinstance')}({self.text(thing)}, {', '.join(names)})"

    def arguments(self, node: ast.Call, signature: Known | ast.FunctionDef | None) -> str:
        """Return the arguments of a call, those with keywords in their places."""
        given = [self.spread(one) for one in node.args]
        if any(keyword.arg is None for keyword in node.keywords):
            if signature is not None or len(node.keywords) > 1:
                raise self.error(node, "a call with **")
            return ", ".join([*given, self.text(node.keywords[0].value)])
        named = {str(k.arg): self.text(k.value) for k in node.keywords}
        if isinstance(signature, Known) and not signature.is_record:
            own = signature.find("methods", "__init__")
            signature = own if own or not signature.is_data else signature
        if signature is None:
            pairs = [f"{key}: {value}" for key, value in named.items()]
            return ", ".join([*given, *([f"{{ {', '.join(pairs)} }}"] if pairs else [])])
        if isinstance(signature, Known):
            names = list(signature.all_fields())
        else:
            spec = signature.args
            names = [a.arg for a in spec.args]
            names = names[1:] if names[:1] == ["self"] else names
            if spec.vararg:
                return ", ".join([*(named[a.arg] for a in spec.kwonlyargs), *given])
            names += [a.arg for a in spec.kwonlyargs]
        if unknown := named.keys() - set(names):
            raise self.error(node, f"the argument {sorted(unknown)[0]}")
        rest = [named.get(name, "undefined") for name in names[len(given) :]]
        while rest and rest[-1] == "undefined":
            rest.pop()
        return ", ".join([*given, *rest])

    # --- functions and classes --------------------------------------------------------------------

    def parameters(self, spec: ast.arguments, skip: int = 0) -> str:
        """Return the parameters of a function, which are from here on local."""
        named = [*spec.args[skip:]]
        defaults = dict(zip(reversed(named), reversed(spec.defaults), strict=False))
        only = dict(zip(spec.kwonlyargs, spec.kw_defaults, strict=True))
        ordered = [*named, *spec.kwonlyargs] if not spec.vararg else [*spec.kwonlyargs, *named]
        texts = []
        for one in ordered:
            default = defaults.get(one) or only.get(one)
            value = f" = {self.text(default)}" if default is not None else ""
            self.kinds[one.arg] = self.kind_of(one.annotation)
            if one.arg == "state" and self.own and not isinstance(self.kinds["state"], Known):
                self.kinds["state"] = self.own.find("inner", "State")
            self.locals[one.arg] = safe(one.arg, self.program.helper_names)
            texts.append(self.locals[one.arg] + value)
        if spec.vararg:
            self.locals[spec.vararg.arg] = safe(spec.vararg.arg, self.program.helper_names)
            self.kinds.pop(spec.vararg.arg, None)
            texts.append(f"...{self.locals[spec.vararg.arg]}")
        if spec.kwarg:
            raise self.error(spec.kwarg, "**")
        return ", ".join(texts)

    def function(self, node: ast.FunctionDef, called: str) -> str:
        """Return a function; one inside another sees its names."""
        inner = _Scope(self.program, self.module, self)
        arguments = inner.parameters(node.args)
        star = "*" if _yields(node) else ""
        return f"function{star} {called}({arguments}) {{\n{inner.body(node)}\n}}"

    def body(self, node: ast.FunctionDef) -> str:
        """Return the statements of a function."""
        shared = {n for s in node.body if isinstance(s, ast.Nonlocal | ast.Global) for n in s.names}
        parameters = {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
        counted = _assigned(node.body)
        for name in counted:
            self.locals[name] = safe(name, self.program.helper_names)
            if name not in shared:
                self.kinds.pop(name, None) if name not in parameters else None
        statements = _without_docstring(node.body)
        old = parameters | shared
        inside = {n for s in ast.walk(node) if isinstance(s, ast.Nonlocal) for n in s.names}
        self.fresh = set()
        for names in (names for s in statements for names in _plainly_assigned(s)):
            if all(counted[n] == 1 and n not in old | inside for n in names):
                self.fresh |= set(names)
        loops = {n for n, c in _looped(node.body).items() if counted[n] == c}
        self.loops = loops - old
        hoisted = [n for n in counted if n not in old | self.fresh | self.loops]
        self.mixed = {n for n, c in counted.items() if c + (n in parameters) > 1 or n in inside}
        for name in self.mixed:
            self.kinds[name] = self.joined(node, name)
        lines = [f"let {', '.join(self.locals[n] for n in hoisted)};"] if hoisted else []
        lines += [self.statement(one) for one in statements]
        return indented("\n".join(line for line in lines if line))

    def joined(self, node: ast.FunctionDef, name: str) -> Kind:
        """Return what a name that is set more than once is known to be: a text or nothing."""
        values = [
            s.value
            for s in ast.walk(node)
            if isinstance(s, ast.Assign) and [ast.unparse(t) for t in s.targets] == [name]
        ]
        texts = all(isinstance(v, ast.Constant) and isinstance(v.value, str) for v in values)
        return "str" if values and texts and name not in {a.arg for a in node.args.args} else None

    def class_(self, node: ast.ClassDef, called: str) -> str:
        """Return a class: its methods, then its fields and what all instances share."""
        known = self.program.described(self.module, node, node.name)
        if known.is_record:
            return f"const {called} = {self.record(known)};"
        inner = _Scope(self.program, self.module)
        inner.own = known
        base = self.base(known)
        methods = [
            inner.method_of(one)
            for one in node.body
            if isinstance(one, ast.FunctionDef) and one.name not in self.program.leave_out
        ]
        head = f"class {called}{f' extends {base}' if base else ''}"
        text = f"{head} {{\n{indented(chr(10).join(methods))}\n}}" if methods else f"{head} {{}}"
        shared = inner.shared()
        if "dataclass" in [ast.unparse(d).partition("(")[0] for d in node.decorator_list]:
            fields = [inner.field(name, value) for name, value in known.fields.items()]
            literal = f", {{ {', '.join(fields)} }}" if fields or shared else ""
            more = f", {{ {', '.join(shared)} }}" if shared else ""
            return f"{text}\n{self.helper('dataclass')}({called}{literal}{more});"
        if shared:
            return f"{text}\nObject.assign({called}.prototype, {{ {', '.join(shared)} }});"
        return text

    def base(self, known: Known) -> str:
        names = [ast.unparse(one) for one in known.node.bases]
        names = [n for n in names if n not in ("Protocol", "object")]
        if names:
            return self.name(ast.Name(names[0], lineno=known.node.lineno))
        return self.helper("Data") if known.is_data else ""

    def record(self, known: Known) -> str:
        names = ", ".join(quoted(name) for name in known.fields)
        return f"{self.helper('record')}({names})"

    def shared(self) -> list[str]:
        """Return what the class itself has: constants, and the record of its state."""
        assert self.own is not None
        found = []
        for one in self.own.node.body:
            if isinstance(one, ast.ClassDef):
                inner = self.own.inner[one.name]
                found.append(f"{one.name}: {self.record(inner)}")
            elif isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
                found.append(f"{one.targets[0].id}: {self.text(one.value)}")
            elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                is_shared = ast.unparse(one.annotation).startswith("ClassVar")
                if is_shared and one.value is not None:
                    found.append(f"{one.target.id}: {self.text(one.value)}")
        return found

    def field(self, name: str, value: ast.expr | None) -> str:
        if value is None:
            return f"{name}: undefined"
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
            named = {k.arg: k.value for k in value.keywords}
            if "default_factory" in named:
                made = self.text(named["default_factory"])
                return f"{name}: {self.helper('factory')}({made})"
            raise self.error(value, "this field")
        return f"{name}: {self.text(value)}"

    def method_of(self, node: ast.FunctionDef) -> str:
        """Return a method."""
        inner = _Scope(self.program, self.module, self)
        decorators = [ast.unparse(one) for one in node.decorator_list]
        if unknown := set(decorators) - {"property", "cached_property"}:
            raise self.error(node.decorator_list[0], f"the decorator {unknown.pop()}")
        inner.me = node.args.args[0].arg
        arguments = inner.parameters(node.args, skip=1)
        names = {"__init__": "constructor", "__iter__": "*[Symbol.iterator]"}
        name = names.get(node.name, ("*" if _yields(node) else "") + node.name)
        prefix = "get " if decorators else ""
        if self.program.shows and node.name == "update":
            inner.shown = inner.worth_showing(node)
        body = inner.body(node)
        is_derived = self.own is not None and self.base(self.own) != ""
        if name == "constructor" and is_derived and "super(" not in body:
            body = f"  super();\n{body}"
        return f"{prefix}{name}({arguments}) {{\n{body}\n}}"

    def worth_showing(self, node: ast.FunctionDef) -> list[str]:
        """Return the names that a step computes on the way and that are shown."""
        assert self.program.shows
        assert self.own
        state = self.own.find("inner", "State")
        kept = {*(state.fields if state else ()), *(a.arg for a in node.args.args)}
        return [n for n in _assigned(node.body) if n not in kept and self.program.shows(n)]

    # --- statements -------------------------------------------------------------------------------

    shown: Sequence[str] = ()
    fresh: set[str]
    loops: set[str]
    mixed: set[str]

    def statement(self, node: ast.stmt) -> str:
        method = getattr(self, f"_stmt_{type(node).__name__.lower()}", None)
        if method is None:
            raise self.error(node, type(node).__name__)
        text: str = method(node)
        return text

    def block(self, nodes: Sequence[ast.stmt]) -> str:
        return indented("\n".join(filter(None, (self.statement(one) for one in nodes))))

    def _stmt_expr(self, node: ast.Expr) -> str:
        value = node.value
        if isinstance(value, ast.Constant):
            return ""
        if isinstance(value, ast.YieldFrom):
            return f"yield* {self.helper('iter')}({self.text(value.value)});"
        if isinstance(value, ast.Yield):
            return f"yield {self.text(value.value)};" if value.value else "yield;"
        return f"{self.text(value)};"

    def _stmt_return(self, node: ast.Return) -> str:
        seen = ", ".join(self.locals[name] for name in self.shown)
        before = f"this.shown = {{ {seen} }};\n" if seen else ""
        return f"{before}return {self.text(node.value)};" if node.value is not None else "return;"

    def _stmt_assign(self, node: ast.Assign) -> str:
        value, _, kind = self.expression(node.value)
        kinds: Any = kind
        if isinstance(node.value, ast.Tuple):
            kinds = [self.expression(one)[2] for one in node.value.elts]
        *inner, first = node.targets
        texts = []
        for target in [first, *reversed(inner)]:
            texts.append(self.assigned(target, value, kinds, node))
            value = target.id if isinstance(target, ast.Name) else value
        return "\n".join(texts)

    def assigned(self, target: ast.expr, value: str, kind: Kind, node: ast.stmt) -> str:
        names = _stored(target)
        if isinstance(target, ast.Subscript):
            place = f"{self.text(target.value)}, {self.text(target.slice)}"
            return f"{self.helper('put')}({place}, {value});"
        if isinstance(target, ast.Attribute):
            return f"{self.text(target)} = {value};"
        if isinstance(target, ast.Tuple) and any(
            isinstance(one, ast.Attribute | ast.Subscript) for one in target.elts
        ):
            return self.apart(target, node)
        if isinstance(target, ast.Tuple):
            value = value if value.startswith("[") else f"{self.helper('iter')}({value})"
        is_new = bool(names) and set(names) <= self.fresh
        if is_new:
            self.fresh -= set(names)
        self.learn(target, kind)
        pattern = self.pattern(target)
        return f"const {pattern} = {value};" if is_new else f"{pattern} = {value};"

    def apart(self, target: ast.Tuple, node: ast.stmt) -> str:
        """Return an assignment to several places, one after another."""
        value = node.value  # type: ignore[attr-defined]
        if not isinstance(value, ast.Tuple):
            raise self.error(node, "this assignment")
        found = [self.expression(one) for one in value.elts]
        if any(self.depends(v, target.elts[:i]) for i, v in enumerate(value.elts)):
            places = ", ".join(self.text(one) for one in target.elts)
            return f"[{places}] = [{', '.join(text for text, _, _ in found)}];"
        pairs = zip(target.elts, found, strict=True)
        return "\n".join(self.assigned(t, text, kind, node) for t, (text, _, kind) in pairs)

    def depends(self, value: ast.expr, targets: Sequence[ast.expr]) -> bool:
        texts = {ast.unparse(one) for one in targets}
        return any(ast.unparse(n) in texts for n in ast.walk(value) if isinstance(n, ast.expr))

    def pattern(self, target: ast.expr) -> str:
        if isinstance(target, ast.Name):
            return self.locals[target.id]
        if isinstance(target, ast.Starred):
            return f"...{self.pattern(target.value)}"
        if isinstance(target, ast.Tuple | ast.List):
            return f"[{', '.join(self.pattern(one) for one in target.elts)}]"
        raise self.error(target, "this target")

    def learn(self, target: ast.expr, kind: Kind) -> None:
        """Note what a name is from here on, where it is set but once."""
        if isinstance(target, ast.Name):
            if target.id not in self.mixed:
                self.kinds[target.id] = kind if not isinstance(kind, list) else None
        elif isinstance(target, ast.Tuple):
            known = kind if isinstance(kind, list) else [None] * len(target.elts)
            for one, each in zip(target.elts, known, strict=False):
                self.learn(one, each)

    def _stmt_annassign(self, node: ast.AnnAssign) -> str:
        if node.value is None:
            return ""
        value, _, kind = self.expression(node.value)
        declared = self.kind_of(node.annotation)
        kind = declared if declared in ("num", "str", "bool") else kind
        return self.assigned(node.target, value, kind, node)

    def _stmt_augassign(self, node: ast.AugAssign) -> str:
        left: Any = node.target
        value, _, _ = self.binary(node, node.op, left, node.value)
        return self.assigned(node.target, value, self.kinds.get(getattr(left, "id", "")), node)

    def _stmt_if(self, node: ast.If) -> str:
        text = f"if ({self.condition(node.test)}) {{\n{self.block(node.body)}\n}}"
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            return f"{text} else {self._stmt_if(node.orelse[0])}"
        return f"{text} else {{\n{self.block(node.orelse)}\n}}" if node.orelse else text

    def _stmt_for(self, node: ast.For) -> str:
        if node.orelse:
            raise self.error(node, "a for with else")
        names = {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        over = f"{self.helper('iter')}({self.text(node.iter)})"
        for name in names:
            self.kinds[name] = None
        word = "const " if names <= self.loops else ""
        pattern = self.pattern(node.target)
        return f"for ({word}{pattern} of {over}) {{\n{self.block(node.body)}\n}}"

    def _stmt_while(self, node: ast.While) -> str:
        return f"while ({self.condition(node.test)}) {{\n{self.block(node.body)}\n}}"

    def _stmt_raise(self, node: ast.Raise) -> str:
        if node.exc is None:
            return "throw error;"
        made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        is_builtin = isinstance(made, ast.Name) and made.id in BUILTINS
        bracket = "" if isinstance(node.exc, ast.Call) else "()"
        return f"throw {'new ' * is_builtin}{self.text(node.exc)}{bracket * is_builtin};"

    def _stmt_try(self, node: ast.Try) -> str:
        text = f"try {{\n{self.block(node.body)}\n}}"
        if node.orelse or len(node.handlers) > 1:
            raise self.error(node, "this try")
        for one in node.handlers:
            scope = self
            if one.name:
                scope.locals[one.name] = "error"
            kinds = one.type.elts if isinstance(one.type, ast.Tuple) else [one.type]
            tests = [f"error instanceof {self.text(k)}" for k in kinds if k is not None]
            guard = f"if (!({' || '.join(tests)})) throw error;\n" if tests else ""
            inside = indented(f"{guard}{chr(10).join(self.statement(s) for s in one.body)}")
            text += f" catch (error) {{\n{inside}\n}}"
        return f"{text} finally {{\n{self.block(node.finalbody)}\n}}" if node.finalbody else text

    def _stmt_with(self, node: ast.With) -> str:
        names = [ast.unparse(one.context_expr) for one in node.items]
        if any(not name.startswith(("np.errstate", "suppress")) for name in names):
            raise self.error(node, "this with")
        return "\n".join(filter(None, (self.statement(one) for one in node.body)))

    def _stmt_functiondef(self, node: ast.FunctionDef) -> str:
        self.locals[node.name] = safe(node.name, self.program.helper_names)
        self.functions[node.name] = node
        inner = _Scope(self.program, self.module, self)
        arguments = inner.parameters(node.args)
        if _yields(node):
            raise self.error(node, "a generator inside a function")
        return f"const {self.locals[node.name]} = ({arguments}) => {{\n{inner.body(node)}\n}};"

    def _stmt_pass(self, node: ast.Pass) -> str:
        return ""

    def _stmt_nonlocal(self, node: ast.Nonlocal) -> str:
        return ""

    def _stmt_assert(self, node: ast.Assert) -> str:
        return ""

    def _stmt_break(self, node: ast.Break) -> str:
        return "break;"

    def _stmt_continue(self, node: ast.Continue) -> str:
        return "continue;"

    def _stmt_importfrom(self, node: ast.ImportFrom) -> str:
        return ""


def isinstance_known(*kinds: Kind) -> bool:
    """Whether kinds are all words, not classes."""
    return all(kind is None or isinstance(kind, str) for kind in kinds)


def quoted(text: str) -> str:
    """Return a text as JavaScript writes it."""
    return json.dumps(text, ensure_ascii=False)


def indented(text: str) -> str:
    """Return lines two spaces further in."""
    return "\n".join(f"  {line}" if line else line for line in text.splitlines())


def _is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(one) in ("property", "cached_property") for one in node.decorator_list)


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, without those of functions inside it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        yield child
        yield from _own_nodes(child)


def _yields(node: ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Yield | ast.YieldFrom) for one in _own_nodes(node))


COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _assigned(body: Sequence[ast.stmt]) -> dict[str, int]:
    """Return how often each name is set in a function's body."""
    found: dict[str, int] = {}
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef | ast.comprehension):
            if isinstance(node, ast.comprehension):
                pending += [node.iter, *node.ifs]
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = found.get(node.id, 0) + 1
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = found.get(node.target.id, 0) + 1
        pending += list(ast.iter_child_nodes(node))
    return found


def _looped(body: Sequence[ast.stmt]) -> dict[str, int]:
    """Return how often each name is a loop's variable."""
    found: dict[str, int] = {}
    for statement in body:
        for node in [statement, *_own_nodes(statement)]:
            if isinstance(node, ast.For):
                for name in ast.walk(node.target):
                    if isinstance(name, ast.Name):
                        found[name.id] = found.get(name.id, 0) + 1
    return found


def _plainly_assigned(statement: ast.stmt) -> list[list[str]]:
    """Return the names that a statement of a function's own level sets, target by target."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    else:
        return []
    return [_stored(t) for t in targets]


def _stored(target: ast.expr) -> list[str]:
    nodes = [n for n in ast.walk(target) if isinstance(n, ast.Name)]
    return [n.id for n in nodes if isinstance(n.ctx, ast.Store)]


def _without_docstring(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    is_text = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return list(body[1:] if is_text else body)


@dataclass(frozen=True)
class Script:
    """A script: its text, and what the names in it are called, for scripts that come after it."""

    text: str
    names: dict[str, str]


def script(
    wanted: Mapping[str, Iterable[str]],
    *,
    leave_out: Iterable[str] = (),
    after: Sequence[Script] = (),
    data: Mapping[str, Any] | None = None,
    shows: Callable[[str], bool] | None = None,
) -> Script:
    """Return a script that defines what is wanted of each module in `window.descent`.

    Args:
        wanted: the names to translate, by the full name of their module.
        leave_out: methods that are not translated.
        after: scripts that the page loads first.
        data: further values of `window.descent`, as JSON.
        shows: which of the names that a rule's update computes on the way to its new state it
            keeps as `shown`, for a page to print.

    Raises:
        UntranslatableError: something that is wanted has no translation.
    """
    known = {full: name for one in after for full, name in one.names.items()}
    program = Program(leave_out, known, shows)
    for home, names in wanted.items():
        for name in names:
            program.request(home, name)
    sources = sorted({module(home).path.name for home, _ in program.exported})
    names = {f"{home}.{name}": called for (home, name), called in program.exported.items()}
    pairs = [
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in (data or {}).items()
    ]
    taken = [", ".join(sorted(program.helpers)), ", ".join(sorted(program.used_elsewhere))]
    lines = [
        f"// Translated from {', '.join(sources)} when the site was built.",
        "(function (descent) {",
        '  "use strict";',
        *([f"  const {{ {taken[0]} }} = descent.python;"] if taken[0] else []),
        *([f"  const {{ {taken[1]} }} = descent;"] if taken[1] else []),
        *(indented(piece) for piece in program.pieces),
        f"  Object.assign(descent, {{ {', '.join([*sorted(names.values()), *pairs])} }});",
        "})((globalThis.descent = globalThis.descent || {}));",
    ]
    return Script("\n".join(lines) + "\n", names)
