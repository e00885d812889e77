"""Expressions of Python as JavaScript, a part of `tools.translation.translate`."""

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tools.translation.javascript import (
    ATOM,
    BUILTINS,
    EMPTY,
    EXTERNAL,
    LEVELS,
    LOOSE,
    METHODS,
    NUMBERS,
    OPERATORS,
    PREFIX,
    RENAMED,
    TYPES,
    Kind,
    Known,
    MissingError,
    Module,
    UntranslatableError,
    module,
    quoted,
    safe,
)

if TYPE_CHECKING:
    from tools.translation.translate import Program


class Expressions:
    """Translates what stands in one function, class or module."""

    def __init__(
        self, program: "Program", home: Module, outer: "Expressions | None" = None
    ) -> None:
        self.program, self.module, self.outer = program, home, outer
        self.kinds: dict[str, Kind] = dict(outer.kinds) if outer else {}
        self.locals: dict[str, str] = dict(outer.locals) if outer else {}
        self.own: Known | None = outer.own if outer else None
        self.me: str = outer.me if outer else ""
        self.functions: dict[str, ast.FunctionDef] = dict(outer.functions) if outer else {}

    # --- names ------------------------------------------------------------------------------------

    def error(self, node: ast.AST, what: str) -> UntranslatableError:
        """Return the error that names a place."""
        return self.module.error(node, what)

    def helper(self, name: str) -> str:
        """Return the name of a function of the runtime."""
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
        """Return what a name that is no local one is called, or None where nothing defines it."""
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
        if node.attr == "__name__":
            return f"{text}.name", ATOM, "str"
        found = None
        if isinstance(kind, Known):
            annotation = kind.find("annotations", node.attr)
            method = kind.find("methods", node.attr)
            if annotation is None and method is not None and _is_property(method):
                annotation = method.returns
            scope = type(self)(self.program, kind.module)
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
        """Return a comparison of two."""
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
        if self.is_class(node.body) and self.is_class(node.orelse):
            kind = other = "class"
        yes = self.text(node.body, 1)
        no = self.text(node.orelse, 0)
        return (
            f"{self.condition(node.test, 1)} ? {yes} : {no}",
            LOOSE,
            kind if kind == other else None,
        )

    def is_class(self, node: ast.expr) -> bool:
        """Whether an expression is the name of a class of the package."""
        is_global = isinstance(node, ast.Name) and node.id not in self.locals
        return is_global and self.program.known(self.module, node.id) is not None  # type: ignore[attr-defined]

    def _expr_tuple(self, node: ast.Tuple | ast.List) -> tuple[str, int, Kind]:
        return f"[{self.items(node.elts)}]", ATOM, None

    _expr_list = _expr_tuple

    def _expr_set(self, node: ast.Set) -> tuple[str, int, Kind]:
        return f"{self.helper('set')}([{self.items(node.elts)}])", ATOM, None

    def items(self, nodes: Sequence[ast.expr]) -> str:
        """Return expressions with commas between them."""
        return ", ".join(self.spread(node) for node in nodes)

    def spread(self, node: ast.expr) -> str:
        """Return one of a list of expressions, which a star may spread."""
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
        inner = type(self)(self.program, self.module, self)
        arguments = inner.parameters(node.args)
        return f"({arguments}) => {inner.arrow_body(node.body)}", LOOSE, None

    def arrow_body(self, node: ast.expr) -> str:
        """Return what stands behind an arrow."""
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
        """Return what stands between the braces of an f-string."""
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
        inner = type(self)(self.program, self.module, self)
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
            return f"[{', '.join(self.bound(element) for element in target.elts)}]"
        if isinstance(target, ast.Starred):
            return f"...{self.bound(target.value)}"
        raise self.error(target, "this target")

    # --- calls ------------------------------------------------------------------------------------

    def _expr_call(self, node: ast.Call) -> tuple[str, int, Kind]:
        called = node.func
        if ast.unparse(called) == "object.__setattr__":
            return f"{self.helper('put')}({self.arguments(node, None)})", ATOM, None
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
        if isinstance(called, ast.Name | ast.IfExp) and self.expression(called)[2] == "class":
            return f"new {self.text(called, ATOM)}({self.arguments(node, None)})", ATOM, None
        target, known, function = self.resolved(called)
        if not node.args and [k.arg for k in node.keywords] == [None] and not function:
            return (
                f"{self.helper('construct')}({target}, {self.arguments(node, None)})",
                ATOM,
                known,
            )
        if known is not None:
            kind = known
            if node.keywords and any(isinstance(a, ast.Starred) for a in node.args):
                spread = f"[{self.items(node.args)}], {self.arguments(_named(node), None)}"
                return f"{self.helper('built')}({target}, {spread})", ATOM, kind
            return f"new {target}({self.arguments(node, known)})", ATOM, kind
        if target in ("same",) and len(node.args) == 1:
            return self.expression(node.args[0])
        returned = function and type(self)(self.program, function[0]).kind_of(function[1].returns)
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
        if self.full_name(called) and not name.startswith("__"):
            return None
        if isinstance(receiver, ast.Name) and receiver.id in ("dict",) and name == "fromkeys":
            return f"{self.helper('fromkeys')}({self.arguments(node, None)})", ATOM, None
        text, binds, kind = self.expression(receiver)
        text = f"({text})" if binds < ATOM else text
        known = kind if isinstance(kind, Known) else None
        if name.startswith("__") and isinstance(receiver, ast.Name):
            known = self.program.known(self.module, receiver.id)
        found = known.find("methods", name) if known else None
        if found is None and name in METHODS:
            text = ", ".join([text, *filter(None, [self.arguments(node, None)])])
            return f"{self.helper(RENAMED.get(name, name))}({text})", ATOM, None
        if name[:1].isupper():
            return None
        if known and name.startswith("__") and found:  # Rule.__post_init__(self)
            return f"{text}.prototype.{name}.call({self.arguments(node, None)})", ATOM, None
        scope = type(self)(self.program, known.module) if known else self
        scope.own = known or self.own
        returned = scope.kind_of(found.returns) if found else None
        return f"{text}.{name}({self.arguments(node, found)})", ATOM, returned

    def is_instance(self, node: ast.Call) -> str:
        """Return a question for a type."""
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
        given = [self.spread(argument) for argument in node.args]
        if any(keyword.arg is None for keyword in node.keywords):
            takes_all = isinstance(signature, ast.FunctionDef) and signature.args.kwarg
            if (signature is not None and not takes_all) or len(node.keywords) > 1:
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
            names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
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

    def parameters(self, spec: ast.arguments, skip: int = 0) -> str:
        """Return the parameters of a function, which are from here on local."""
        named = [*spec.posonlyargs, *spec.args][skip:]
        defaults = dict(zip(reversed(named), reversed(spec.defaults), strict=False))
        only = dict(zip(spec.kwonlyargs, spec.kw_defaults, strict=True))
        ordered = [*named, *spec.kwonlyargs] if not spec.vararg else [*spec.kwonlyargs, *named]
        texts = []
        for parameter in ordered:
            default = defaults.get(parameter) or only.get(parameter)
            value = f" = {self.text(default)}" if default is not None else ""
            self.kinds[parameter.arg] = self.kind_of(parameter.annotation)
            if parameter.arg == "state" and self.own and not isinstance(self.kinds["state"], Known):
                self.kinds["state"] = self.own.find("inner", "State")
            self.locals[parameter.arg] = safe(parameter.arg, self.program.helper_names)
            texts.append(self.locals[parameter.arg] + value)
        if spec.vararg:
            self.locals[spec.vararg.arg] = safe(spec.vararg.arg, self.program.helper_names)
            self.kinds.pop(spec.vararg.arg, None)
            texts.append(f"...{self.locals[spec.vararg.arg]}")
        if spec.kwarg:  # a dict
            self.locals[spec.kwarg.arg] = safe(spec.kwarg.arg, self.program.helper_names)
            self.kinds.pop(spec.kwarg.arg, None)
            texts.append(self.locals[spec.kwarg.arg])
        return ", ".join(texts)


def isinstance_known(*kinds: Kind) -> bool:
    """Whether kinds are all words, not classes."""
    return all(kind is None or isinstance(kind, str) for kind in kinds)


def _named(node: ast.Call) -> ast.Call:
    """Return a call with its keywords alone."""
    return ast.Call(node.func, [], node.keywords)


def _is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(d) in ("property", "cached_property") for d in node.decorator_list)
