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
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.translation.expressions import Expressions
from tools.translation.javascript import (
    BUILTINS,
    IGNORED,
    KEYWORDS,
    RUNTIME,
    Kind,
    Known,
    MissingError,
    Module,
    UntranslatableError,
    computed,
    helper_names,
    indented,
    module,
    origin,
    quoted,
    safe,
)
from tools.translation.names import (
    assigned,
    looped,
    plainly_assigned,
    stored,
    without_docstring,
    yields,
)

__all__ = ["RUNTIME", "Module", "Script", "UntranslatableError", "script"]


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
        home = origin(home, name)
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
        for part in node.body:
            if isinstance(part, ast.FunctionDef):
                found.methods[part.name] = part
            elif isinstance(part, ast.ClassDef):
                found.inner[part.name] = self.described(home, part, f"{name}.{part.name}")
            elif isinstance(part, ast.Assign) and isinstance(part.value, ast.Name):
                inner = self.known(home, part.value.id)
                if inner and isinstance(part.targets[0], ast.Name):
                    found.inner[part.targets[0].id] = inner
            elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                if ast.unparse(part.annotation).startswith("ClassVar"):
                    continue
                found.annotations[part.target.id] = part.annotation
                if own:
                    found.fields[part.target.id] = part.value
        return found


class _Scope(Expressions):
    """Translates what stands in one function, class or module."""

    def function(self, node: ast.FunctionDef, called: str) -> str:
        """Return a function; one inside another sees its names."""
        inner = _Scope(self.program, self.module, self)
        arguments = inner.parameters(node.args)
        star = "*" if yields(node) else ""
        return f"function{star} {called}({arguments}) {{\n{inner.body(node)}\n}}"

    def body(self, node: ast.FunctionDef) -> str:
        """Return the statements of a function."""
        shared = {n for s in node.body if isinstance(s, ast.Nonlocal | ast.Global) for n in s.names}
        parameters = {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
        counted = assigned(node.body)
        for name in counted:
            self.locals[name] = safe(name, self.program.helper_names)
            if name not in shared:
                self.kinds.pop(name, None) if name not in parameters else None
        statements = without_docstring(node.body)
        old = parameters | shared
        inside = {n for s in ast.walk(node) if isinstance(s, ast.Nonlocal) for n in s.names}
        self.fresh = set()
        for names in (names for s in statements for names in plainly_assigned(s)):
            if all(counted[n] == 1 and n not in old | inside for n in names):
                self.fresh |= set(names)
        loops = {n for n, c in looped(node.body).items() if counted[n] == c}
        self.loops = loops - old
        hoisted = [n for n in counted if n not in old | self.fresh | self.loops]
        self.mixed = {n for n, c in counted.items() if c + (n in parameters) > 1 or n in inside}
        for name in self.mixed:
            self.kinds[name] = self.joined(node, name)
        lines = [f"let {', '.join(self.locals[n] for n in hoisted)};"] if hoisted else []
        lines += [self.statement(statement) for statement in statements]
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
            inner.method_of(method)
            for method in node.body
            if isinstance(method, ast.FunctionDef) and method.name not in self.program.leave_out
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
        names = [ast.unparse(base) for base in known.node.bases]
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
        for part in self.own.node.body:
            if isinstance(part, ast.ClassDef):
                inner = self.own.inner[part.name]
                found.append(f"{part.name}: {self.record(inner)}")
            elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
                found.append(f"{part.targets[0].id}: {self.text(part.value)}")
            elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                is_shared = ast.unparse(part.annotation).startswith("ClassVar")
                if is_shared and part.value is not None:
                    found.append(f"{part.target.id}: {self.text(part.value)}")
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
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        if unknown := set(decorators) - {"property", "cached_property"}:
            raise self.error(node.decorator_list[0], f"the decorator {unknown.pop()}")
        inner.me = node.args.args[0].arg
        arguments = inner.parameters(node.args, skip=1)
        names = {"__init__": "constructor", "__iter__": "*[Symbol.iterator]"}
        name = names.get(node.name, ("*" if yields(node) else "") + node.name)
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
        return [n for n in assigned(node.body) if n not in kept and self.program.shows(n)]

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
        return indented("\n".join(filter(None, (self.statement(node) for node in nodes))))

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
            kinds = [self.expression(element)[2] for element in node.value.elts]
        *inner, first = node.targets
        texts = []
        for target in [first, *reversed(inner)]:
            texts.append(self.assigned(target, value, kinds, node))
            value = target.id if isinstance(target, ast.Name) else value
        return "\n".join(texts)

    def assigned(self, target: ast.expr, value: str, kind: Kind, node: ast.stmt) -> str:
        names = stored(target)
        if isinstance(target, ast.Subscript):
            place = f"{self.text(target.value)}, {self.text(target.slice)}"
            return f"{self.helper('put')}({place}, {value});"
        if isinstance(target, ast.Attribute):
            return f"{self.text(target)} = {value};"
        if isinstance(target, ast.Tuple) and any(
            isinstance(place, ast.Attribute | ast.Subscript) for place in target.elts
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
        found = [self.expression(part) for part in value.elts]
        if any(self.depends(v, target.elts[:i]) for i, v in enumerate(value.elts)):
            places = ", ".join(self.text(place) for place in target.elts)
            return f"[{places}] = [{', '.join(text for text, _, _ in found)}];"
        pairs = zip(target.elts, found, strict=True)
        return "\n".join(self.assigned(t, text, kind, node) for t, (text, _, kind) in pairs)

    def depends(self, value: ast.expr, targets: Sequence[ast.expr]) -> bool:
        texts = {ast.unparse(target) for target in targets}
        return any(ast.unparse(n) in texts for n in ast.walk(value) if isinstance(n, ast.expr))

    def pattern(self, target: ast.expr) -> str:
        if isinstance(target, ast.Name):
            return self.locals[target.id]
        if isinstance(target, ast.Starred):
            return f"...{self.pattern(target.value)}"
        if isinstance(target, ast.Tuple | ast.List):
            return f"[{', '.join(self.pattern(element) for element in target.elts)}]"
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
        for handler in node.handlers:
            scope = self
            if handler.name:
                scope.locals[handler.name] = "error"
            kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            tests = [f"error instanceof {self.text(k)}" for k in kinds if k is not None]
            guard = f"if (!({' || '.join(tests)})) throw error;\n" if tests else ""
            inside = indented(f"{guard}{chr(10).join(self.statement(s) for s in handler.body)}")
            text += f" catch (error) {{\n{inside}\n}}"
        return f"{text} finally {{\n{self.block(node.finalbody)}\n}}" if node.finalbody else text

    def _stmt_with(self, node: ast.With) -> str:
        names = [ast.unparse(item.context_expr) for item in node.items]
        if any(not name.startswith(("np.errstate", "suppress")) for name in names):
            raise self.error(node, "this with")
        inside = "\n".join(filter(None, (self.statement(statement) for statement in node.body)))
        if names != ["suppress(ValueError)"]:
            return inside
        guard = f"if (!(error instanceof {self.helper('ValueError')})) throw error;"
        return f"try {{\n{indented(inside)}\n}} catch (error) {{\n  {guard}\n}}"

    def _stmt_match(self, node: ast.Match) -> str:
        subject = self.text(node.subject)
        cases = []
        for case in node.cases:
            tests = self.tests(case.pattern, subject)
            tests += [self.condition(case.guard, 1)] if case.guard else []
            cases.append(f"if ({' && '.join(tests)}) {{\n{self.block(case.body)}\n}}")
        return " else ".join(cases)

    def tests(self, pattern: ast.pattern, subject: str) -> list[str]:
        """Return what must hold of something that a pattern matches."""
        if isinstance(pattern, ast.MatchValue):
            return [f"{self.helper('eq')}({subject}, {self.text(pattern.value)})"]
        if isinstance(pattern, ast.MatchSingleton):
            return [f"{subject} === {self.text(ast.Constant(pattern.value))}"]
        if not isinstance(pattern, ast.MatchClass) or pattern.patterns:
            raise self.error(pattern, "this pattern")
        found = [f"{self.helper('isinstance')}({subject}, {self.text(pattern.cls)})"]
        for name, inner in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
            found += self.tests(inner, f"{subject}.{name}")
        return found

    def _stmt_functiondef(self, node: ast.FunctionDef) -> str:
        self.locals[node.name] = safe(node.name, self.program.helper_names)
        self.functions[node.name] = node
        inner = _Scope(self.program, self.module, self)
        arguments = inner.parameters(node.args)
        if yields(node):
            raise self.error(node, "a generator inside a function")
        return f"const {self.locals[node.name]} = ({arguments}) => {{\n{inner.body(node)}\n}};"

    def _stmt_pass(self, node: ast.stmt) -> str:
        return ""

    _stmt_nonlocal = _stmt_assert = _stmt_importfrom = _stmt_pass

    def _stmt_break(self, node: ast.Break) -> str:
        return "break;"

    def _stmt_continue(self, node: ast.Continue) -> str:
        return "continue;"


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
    known = {full: name for program in after for full, name in program.names.items()}
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
