"""The Sphinx extension of the API reference: the package's docstrings as pages.

`{api} MODULE` shows a module with all its public objects, `{api-modules}` the table of modules. The
docstrings are plain text that reads well in the source; `as_rst` makes of it what autodoc takes.
A name of the package in code, in a docstring or in the book, becomes a link to its entry.
"""

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import desc_annotation, pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.ext.autodoc import ClassDocumenter
from sphinx.ext.autodoc.mock import ismock, mock, undecorate
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature

import descent
from tools.book import catalogue, myst, project
from tools.site.source import PACKAGE, definition, source_link

LONGEST_SIGNATURE = 60
"""Characters from which on each argument has a line of its own."""

LONGEST_VALUE = 60
"""Characters up to which a constant's value is shown."""


ELSEWHERE = ["torch", "jax", "optax", "keras"]
"""What a module of the package may need and the reference does not."""


@cache
def modules() -> list[str]:
    """Return the names of the public modules of the package."""
    root = Path(descent.__file__).parent.parent
    found = [path.relative_to(root).with_suffix("").parts for path in package_files()]
    names = [".".join(parts).removesuffix(".__init__") for parts in found]
    return sorted(name for name in names if "." in name and "._" not in name)


def package_files() -> list[Path]:
    """Return the files of the package: a page that shows an object may depend on any of them."""
    return sorted(PACKAGE.rglob("*.py"))


def file_of(name: str) -> Path:
    """Return the file of the module that shows an entry."""
    return Path(str(importlib.import_module(module_of(name)).__file__))


def module_of(name: str) -> str:
    """Return the module in which a full name lies."""
    return next(module for module in sorted(modules())[::-1] if f"{name}.".startswith(f"{module}."))


@cache
def pages() -> dict[str, Path]:
    """Return the page that shows each module."""
    return {
        directive.argument: page
        for page in project.pages()
        if "{api}" in (text := page.read_text(encoding="utf-8"))
        for directive in myst.directives(text)
        if directive.name == "api"
    }


def _assigned(statement: ast.stmt) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    return _assigned(statement)


@cache
def public(module: str) -> list[str]:
    """Return the public names of a module: those that it lists, or else those that it defines.

    >>> public("descent.minimize")
    ['Function', 'Trajectory', 'gradient_of', 'minimize']
    >>> public("descent.torch_optim")
    ['Optimizer']
    """
    found = importlib.import_module(module)
    names = [name for node in ast.parse(inspect.getsource(found)).body for name in _defined(node)]
    if lists_its_own(module):  # of data autodoc knows only what is assigned here
        return [name for name in found.__all__ if name in names or home(getattr(found, name))]
    return [name for name in names if not name.startswith("_")]


def lists_its_own(module: str) -> bool:
    """Return whether all that `__all__` of a module lists is shown there; data have no home."""
    found = importlib.import_module(module)
    names = getattr(found, "__all__", [])
    return bool(names) and all(home(getattr(found, name)) in (module, "") for name in names)


def home(obj: Any) -> str:
    """Return the public module in which an object is shown: `descent.a` of `descent.a._b`."""
    return re.sub(r"\._.*", "", str(getattr(undecorate(obj), "__module__", "")))


@cache
def everything() -> dict[str, str]:
    """Return the full name of each public object by its own, if no other has the same."""
    owners: dict[str, list[str]] = {}
    for module in modules():
        for name in public(module):
            owners.setdefault(name, []).append(f"{module}.{name}")
    return {name: full[0] for name, full in owners.items() if len(full) == 1}


def full_name(written: str, module: str = "", owner: str = "") -> str | None:
    """Return the full name of what is written in code, or None where it is not of the package.

    Args:
        written: a name, perhaps dotted, perhaps with `()`.
        module: where it is written: its own names come first.
        owner: the class in which it is written.

    >>> full_name("update", "descent.rules", "Rule"), full_name("landscapes.Rosenbrock.grad")
    ('descent.rules.Rule.update', 'descent.landscapes.Landscape.grad')
    """
    name = written.removesuffix("()")
    first, _, rest = name.partition(".")
    candidates = [name, f"descent.{name}"] if "." in name else []
    candidates += [f"{module}.{owner}.{name}"] if owner else []
    candidates += [f"{module}.{name}"] if module and first in public(module) else []
    if first[:1].isupper() and first in everything():
        candidates.append(f"{everything()[first]}.{rest}".rstrip("."))
    return next(filter(None, map(entry_of, candidates)), None)


@cache
def entry_of(name: str) -> str | None:
    """Return the full name of the entry that shows what a full name means, or None.

    A method that a class leaves as its base has it is shown with the base.
    """
    if name in modules():
        return name
    module = next(
        (module for module in sorted(modules())[::-1] if name.startswith(f"{module}.")), ""
    )
    first, *rest = name.removeprefix(f"{module}.").split(".")
    if not module or first not in public(module) or len(rest) > 1:
        return None
    if not rest:
        return name
    owner = getattr(importlib.import_module(module), first)
    for base in getattr(owner, "__mro__", ()):
        if rest[0] in vars(base) and home(base) in modules() and _is_shown(base, rest[0]):
            base = owner if base.__name__.startswith("_") else base
            return f"{home(base)}.{base.__qualname__}.{rest[0]}"
    return None


def _is_shown(owner: type, name: str) -> bool:
    """Return whether a member of a class has an entry: what says more than its base's."""
    member = vars(owner)[name]
    text = getattr(member, "__doc__", None)
    said = [getattr(getattr(base, name, None), "__doc__", None) for base in owner.__mro__[1:]]
    is_ours = isinstance(member, type | property | classmethod | staticmethod) or callable(member)
    return bool(text) and is_ours and not name.startswith("_") and text not in said


# --- from a docstring to reStructuredText ------------------------------------------------------

FORMULA = re.compile(r"[^\s=]+ = .*[^.]")
CODE = re.compile(r"`([^`]+)`")


def as_rst(text: str, module: str, owner: str = "") -> str:
    """Return a docstring as reStructuredText: its code, its formulas and its `Source:` marked."""
    blocks = re.split(r"\n\s*\n", text)
    return "\n\n".join(_block(block, module, owner) for block in blocks)


def _block(block: str, module: str, owner: str) -> str:
    lines = block.splitlines()
    if not lines or lines[0].lstrip().startswith(">>>"):
        return block
    marked = [_marked(line, module, owner) for line in lines]
    if all(FORMULA.fullmatch(line) for line in lines):
        return "\n".join(f"| {line}" for line in marked)
    if head := re.match(r"(Source|State): ", marked[0]):
        rest = [f"    {line}" for line in marked[1:]]
        return "\n".join([f":{head[1]}: {marked[0][head.end() :]}", *rest])
    return "\n".join(marked)


def _marked(line: str, module: str, owner: str) -> str:
    """Return a line with its code as literals or links and the rest of its marks escaped."""

    def code(match: re.Match[str]) -> str:
        name = full_name(match[1], module, owner)
        return f":py:obj:`{match[1]} <{name}>`" if name and match[1] != owner else f"``{match[1]}``"

    parts = CODE.split(line)
    plain = [re.sub(r"([|\\])|(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    coded = [code(match) for match in CODE.finditer(line)]
    return "".join(a + b for a, b in zip(plain, [*coded, ""], strict=True))


def stated(name: str) -> list[str]:
    """Return the field that names the book's formulas that an object computes."""
    ids = catalogue.formulas_of().get(name, [])
    links = ", ".join(f":eq:`{formula_id}`" for formula_id in ids)
    return ["", f":In the book: {links}", ""] if ids else []


def mark(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring before napoleon reads its sections."""
    module = module_of(name)
    within = name.removeprefix(module).strip(".").split(".")
    owner = within[0] if what in ("class", "method", "property", "attribute") else ""
    said = as_rst("\n".join(lines), module, owner).splitlines()
    end = next((i for i, line in enumerate(said) if line.startswith(">>>")), len(said))
    lines[:] = [*said[:end], *stated(name), *said[end:]]


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what repeats its base, and the fields of a state, which its docstring lists."""
    if ismock(obj) and undecorate(obj) is obj:
        return True
    if type(obj).__name__ == "_tuplegetter" or getattr(obj, "__name__", "").startswith("_"):
        return True
    if what in ("class", "exception") and _is_foreign(obj):
        return True
    *path, last = getattr(obj, "__qualname__", name).split(".")
    if what != "class" or len(path) != 1 or home(obj) not in modules():
        return None
    owner = getattr(importlib.import_module(home(obj)), path[0], None)
    return True if owner and last in vars(owner) and not _is_shown(owner, last) else None


def _is_foreign(obj: Any) -> bool:
    """Return whether a member of a class is another library's, as a default that is a function."""
    inner = getattr(obj, "fget", obj)
    owner = getattr(inner, "__objclass__", None)
    module = getattr(inner, "__module__", None) or getattr(owner, "__module__", None)
    return module is not None and not f"{module}.".startswith("descent.")


def shown_elsewhere() -> list[str]:
    """Return the names of the bases whose members no class repeats: all but our private ones.

    They are sorted: a setting that changes its order makes Sphinx read every page again.
    """
    objects = [getattr(importlib.import_module(m), name) for m in modules() for name in public(m)]
    bases = {base for member in objects if isinstance(member, type) for base in member.__mro__}
    return sorted({base.__name__ for base in bases if not base.__name__.startswith("_")})


def public_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[Any]) -> None:
    """Name a private base's own bases in its place."""
    while any(base.__name__.startswith("_") for base in bases):
        bases[:] = [
            shown
            for base in bases
            for shown in (base.__bases__ if base.__name__.startswith("_") else (base,))
        ]


def signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: Any, returns: Any
) -> tuple[str, str | None] | None:
    """Return a signature with its types as they are written: `Array`, where Python has `Any`."""
    if what not in ("class", "function", "method") or arguments is None:
        return None
    written = annotations(obj)
    found = inspect.signature(obj)
    kept = [
        parameter.replace(annotation=written.get(parameter.name, parameter.annotation))
        for parameter in found.parameters.values()
        if parameter.name not in ("self", "cls")
    ]
    text = stringify_signature(found.replace(parameters=kept), show_return_annotation=False)
    return text, written.get("return", returns)


def annotations(obj: Any) -> dict[str, str]:
    """Return the types of a function's arguments, or of those of a class, as they are written.

    >>> annotations(descent.rules.Momentum)
    {'State': 'ClassVar[Any]', 'elementwise': 'ClassVar[bool]', 'rounds_always': \
'ClassVar[bool]', 'lr': 'LearningRate', 'momentum': 'float'}
    """
    written: dict[str, str] = {}
    for base in getattr(obj, "__mro__", (obj,))[::-1]:
        if home(base) in modules():
            written |= _annotations(definition(base))
    return written


def _annotations(node: ast.stmt) -> dict[str, str]:
    if isinstance(node, ast.ClassDef):
        inits = [part for part in node.body if getattr(part, "name", "") == "__init__"]
        fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
        own = {ast.unparse(field.target): _type(field.annotation) for field in fields}
        return own | (_annotations(inits[0]) if inits else {})
    if not isinstance(node, ast.FunctionDef):
        return {}
    every = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    every += [argument for argument in (node.args.vararg, node.args.kwarg) if argument]
    typed = {argument.arg: _type(argument.annotation) for argument in every if argument.annotation}
    return typed | ({"return": _type(node.returns)} if node.returns else {})


def _type(annotation: ast.expr) -> str:
    """Return a type without the quotes of names that are defined later."""
    text = ast.unparse(annotation)
    return text if "Literal" in text else text.replace("'", "")


# --- directives --------------------------------------------------------------------------------


class Api(SphinxDirective):
    """A module of the package with its public objects."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return what autodoc makes of it."""
        if (name := self.arguments[0]) not in modules():
            raise self.error(f"no public module is named {name!r}")
        for path in package_files():
            self.env.note_dependency(str(path))
        options = ["members", "show-inheritance"]
        options += [] if lists_its_own(name) else ["ignore-module-all"]  # each where it is defined
        lines = [f".. automodule:: {name}", *(f"   :{option}:" for option in options)]
        text = "\n".join(["```{eval-rst}", *lines, "```"])
        holder = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), name), self.content_offset, holder)
        return list(holder.children)


class ApiModules(SphinxDirective):
    """The modules of the package, each with the first sentence of its docstring."""

    def run(self) -> list[nodes.Node]:
        """Return the list, as links to the modules' places."""
        rows = []
        for name in pages():
            module = importlib.import_module(name)
            self.env.note_dependency(str(module.__file__))
            summary = (module.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
            rows.append(f"| {{py:mod}}`{name}` | {summary} |")
        text = "\n".join(["| module | what it holds |", "|---|---|", *rows])
        holder = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), "api"), self.content_offset, holder)
        return list(holder.children)


# --- links -------------------------------------------------------------------------------------


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element
) -> nodes.Element | None:
    """Link the names of types to their entries; leave those of other libraries as they stand."""
    if node.get("refdomain") != "py" or node["reftarget"].startswith("descent."):
        return None
    name = node.get("py:module") and full_name(node["reftarget"], node["py:module"])
    place: tuple[Any, ...] = (app.builder, "obj", name, node, text)
    python = env.get_domain("py")
    return (name and python.resolve_xref(env, node["refdoc"], *place)) or text


class LinkNames(SphinxTransform):
    """Make a link of each full name of the package that the prose has in code."""

    default_priority = 300

    def apply(self) -> None:
        """Replace `descent.rules.Adam` in code by a link to its entry."""
        for literal in list(self.document.findall(nodes.literal)):
            written = literal.astext()
            name = written.startswith("descent.") and full_name(written)
            parents = nodes.reference | nodes.title | pending_xref
            if written.startswith("descent."):
                for path in [file_of(name)] if name else package_files():
                    self.env.note_dependency(str(path))
            if not name or isinstance(literal.parent, parents):
                continue
            link = pending_xref(
                "", refdomain="py", reftype="obj", reftarget=name, refdoc=self.env.docname
            )
            literal.replace_self(link)
            link += literal


class TidySignatures(SphinxTransform):
    """Leave out bases that say nothing, and values too long to read in a signature."""

    default_priority = 301

    def apply(self) -> None:
        """Take them out."""
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if paragraph.astext() in ("Bases: object", "Bases: NamedTuple"):
                paragraph.parent.remove(paragraph)
        for value in list(self.document.findall(desc_annotation)):
            if value.astext().startswith(" = ") and len(value.astext()) > LONGEST_VALUE:
                value.parent.remove(value)


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Return the address of an object's lines, or None where it has none of its own."""
    try:
        return source_link(f"{info['module']}:{info['fullname']}")
    except ValueError:
        return None


def configure(app: Sphinx, config: Config) -> None:
    """Set what autodoc shows, and how."""
    config.linkcode_resolve = linkcode_resolve
    config.autodoc_default_options = {
        "inherited-members": ",".join(shown_elsewhere()),
    }
    config.autodoc_inherit_docstrings = False
    config.autodoc_member_order = "bysource"
    config.autodoc_preserve_defaults = True
    config.autodoc_typehints_format = "short"
    config.python_use_unqualified_type_names = True
    config.python_maximum_signature_line_length = LONGEST_SIGNATURE
    config.toc_object_entries_show_parents = "hide"
    config.add_module_names = False
    config.napoleon_use_ivar = True
    config.napoleon_use_rtype = False
    config.html_domain_indices = False  # the table of modules is on the page of the API


def import_modules() -> None:
    """Import the package without PyTorch, JAX and Keras: the docstrings are all that is needed.

    They are left out where they are installed too, so that the pages are the same everywhere.
    """
    with mock(ELSEWHERE):
        for name in modules():
            importlib.import_module(name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    import_modules()
    for extension in ("autodoc", "napoleon", "linkcode"):
        app.setup_extension(f"sphinx.ext.{extension}")
    # The package has no overloads; to look for those of its bases imports PyTorch where it is.
    ClassDocumenter.get_overloaded_signatures = lambda self: []  # type: ignore[method-assign]
    app.add_directive("api", Api)
    app.add_directive("api-modules", ApiModules)
    app.add_transform(LinkNames)
    app.add_transform(TidySignatures)
    app.connect("config-inited", configure, priority=100)
    app.connect("autodoc-process-docstring", mark, priority=100)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-bases", public_bases)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
