"""The API reference shows every public object, and reads docstrings as they are meant."""

import ast
import importlib
import importlib.util
import inspect
import json
import subprocess
import sys

import pytest
from sphinx.ext.autodoc.mock import mock
from sphinx.pycode import ModuleAnalyzer

from tools.book import project
from tools.site import api
from tools.site.source import source_link

with mock([name for name in api.ELSEWHERE if importlib.util.find_spec(name) is None]):
    for module in api.modules():
        importlib.import_module(module)

OBJECTS = [(module, name) for module in api.modules() for name in api.public(module)]


@pytest.mark.parametrize("module", api.modules())
def test_every_public_module_is_on_a_page(module):
    assert module in api.pages(), f"add `{{api}} {module}` to a page in book/api and to _toc.yml"


def documented(module, name):
    beside = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name))
    value = inspect.unwrap(getattr(importlib.import_module(module), name))  # of its cache
    is_defined = inspect.isfunction(value) or inspect.isclass(value)
    return beside or (is_defined and value.__doc__)


@pytest.mark.parametrize(("module", "name"), OBJECTS, ids=lambda text: text)
def test_every_public_object_says_what_it_is(module, name):
    assert documented(module, name)


def test_formulas_keep_their_lines_and_sentences_stay_prose():
    text = "Momentum.\n\nd = 1\nx = x + d\n\nHere d = 1.\nIt holds."
    assert api.as_rst(text, "descent.rules") == (
        "Momentum.\n\n| d = 1\n| x = x + d\n\nHere d = 1.\nIt holds."
    )


def test_code_is_a_link_where_it_names_what_the_package_has():
    rst = api.as_rst("See `Adam`, `rules.Lion` and `torch.optim.Adam`.", "descent.rules")
    assert rst == (
        "See :py:obj:`Adam <descent.rules.Adam>`, :py:obj:`rules.Lion <descent.rules.Lion>` "
        "and ``torch.optim.Adam``."
    )


def test_what_rest_would_take_for_markup_is_text():
    assert api.as_rst("|g| and x_, `a|b`", "descent.rules") == r"\|g\| and x\_, ``a|b``"


def test_an_example_and_its_output_are_left_alone():
    assert api.as_rst(">>> a_ | b\n`c`", "descent.rules") == ">>> a_ | b\n`c`"


def test_a_source_is_a_field():
    assert api.as_rst("Source: a\nb.", "descent.rules") == ":Source: a\n    b."


@pytest.mark.parametrize(
    ("written", "entry"),
    [
        ("descent.minimize.minimize", "descent.minimize.minimize"),
        ("descent.rules", "descent.rules"),
        ("rules.Adam", "descent.rules.Adam"),
        ("descent.rules.Adam.update", "descent.rules.Rule.update"),
        ("descent.rules.Adam.State", "descent.rules.Adam.State"),
        ("descent.rules.Nothing", None),
        ("descent._check.positive", None),
        ("numpy.ndarray", None),
        ("x", None),
    ],
)
def test_a_name_leads_to_the_entry_that_shows_it(written, entry):
    assert api.full_name(written) == entry


WITHOUT_TORCH = """
import json, sys
from tools.site import api
from tools.site.source import source_link
api.import_modules()
assert "torch" not in sys.modules
def link(name):
    try:
        return source_link(name)
    except ValueError:
        return None
names = [f"{module}:{name}" for module in api.modules() for name in api.public(module)]
print(json.dumps({name: link(name) for name in names}))
"""


def test_the_reference_needs_no_pytorch_and_links_the_same_lines():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=project.ROOT, capture_output=True, check=True
    )
    for name, link in json.loads(done.stdout).items():
        try:
            assert link == source_link(name)
        except ValueError:
            assert link is None, name
    assert json.loads(done.stdout)["descent.models:mlp"]


@pytest.mark.parametrize("module", api.modules())
def test_a_module_lists_all_that_it_defines_for_others(module):
    found = importlib.import_module(module)
    names = [name for one in ast.parse(inspect.getsource(found)).body for name in api._defined(one)]
    public = {name for name in names if not name.startswith("_")}
    assert public <= set(getattr(found, "__all__", [])), "in `__all__`, or with an underscore"
