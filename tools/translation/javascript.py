"""What `translate` knows: the names of Python that JavaScript has, modules and classes."""

import ast
import importlib.util
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tools.book import project

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
    "math.ldexp": "ldexp",
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
    "functools.partial": "partial",
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
    *("issuperset", "difference"),
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
    ast.BitXor: ("", "apart"),
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
            elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                offered = importlib.import_module(str(node.module)).__all__
                self.imported |= {name: f"{node.module}.{name}" for name in offered}
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


MODULES: dict[str, Module] = {}
"""The modules that were read, by their full names."""


def module(name: str) -> Module:
    """Return a module of the package by its full name."""
    if name in MODULES:
        return MODULES[name]
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin)
    MODULES[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return MODULES[name]


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
        for known in (self, *self.bases):
            found = known.__dict__[table].get(name) if known is self else known.find(table, name)
            if found is not None:
                return found
        return None

    def all_fields(self) -> dict[str, ast.expr | None]:
        """Return its fields with their defaults, those of its bases first."""
        found: dict[str, ast.expr | None] = {}
        for base in self.bases:
            found |= base.all_fields()
        return found | self.fields


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


def quoted(text: str) -> str:
    """Return a text as JavaScript writes it."""
    return json.dumps(text, ensure_ascii=False)


def indented(text: str) -> str:
    """Return lines two spaces further in."""
    return "\n".join(f"  {line}" if line else line for line in text.splitlines())


def origin(home: str, name: str) -> str:
    """Return the module that defines a class or function which a package offers as its own."""
    if name in module(home).defined:
        return home
    found = getattr(importlib.import_module(home), name, None)
    where = getattr(found, "__module__", None) or ""
    return where if where.startswith("descent.") else home


def computed(home: Module, name: str) -> str:
    """Return a constant that is a number as the module itself computes it."""
    value = getattr(importlib.import_module(home.name), name, None)
    if not isinstance(value, float):
        raise home.error(home.defined[name], "this constant")
    return repr(value)
