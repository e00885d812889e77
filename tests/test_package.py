"""The package installs, and importing it brings NumPy and nothing heavier."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import descent


def modules_after(statement):
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in result.stdout.split()}


def test_importing_the_package_needs_numpy_alone():
    heavy = {"torch", "matplotlib", "scipy", "IPython", "jax", "sklearn", "yaml", "pandas"}
    loaded = modules_after("import descent")
    assert "numpy" in loaded
    assert not heavy & loaded


def test_backpropagation_needs_numpy_alone():
    loaded = modules_after("import descent.backprop.check, descent.backprop.losses")
    assert not {"torch", "matplotlib", "scipy"} & loaded


def test_plotting_brings_matplotlib_and_not_torch():
    pytest.importorskip("matplotlib")
    loaded = modules_after("import descent.plotting")
    assert "matplotlib" in loaded
    assert "torch" not in loaded


@pytest.mark.parametrize(
    "name",
    [
        *(f"torch_optim.{name}" for name in ("PIECE", "SMALL", "adam_", "in_place", "IN_PLACE")),
        *("conventions.Pair", "conventions.ABOVE_5"),
        *("plotting.COLOURS", "backprop.init.Initialiser"),
    ],
)
def test_a_name_that_was_public_warns_and_works(name):
    module, _, attribute = name.rpartition(".")
    pytest.importorskip({"torch_optim": "torch", "plotting": "matplotlib"}.get(module, "numpy"))
    with pytest.warns(DeprecationWarning, match=f"{name} is .* now"):
        assert getattr(importlib.import_module(f"descent.{module}"), attribute) is not None


def test_a_name_that_never_was_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'descent.conventions' has no .* 'Nothing'"):
        descent.conventions.Nothing  # noqa: B018


# --- who imports whom -----------------------------------------------------------------------------

ORDER = (
    *("rules", "schedules", "relatives", "conventions", "misprints"),
    *("report", "landscapes", "minimize", "plotting", "data", "backprop", "certificates"),
    *("torch_optim", "jax_optim", "keras_optim", "models", "identify", "monitor", "train"),
)
"""The modules of the package: each may import those before it, and what starts with `_`."""

SOURCE = Path(descent.__file__).parent


def parts_imported(path):
    """The modules of the package that a file imports as it is loaded."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{name.name}" for name in node.names}
    found = {name.split(".")[1] for name in names if name.startswith("descent.")}
    return {part for part in found if not part.startswith("_")}


def test_every_module_of_the_package_has_its_place():
    found = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {name for name in found if not name.startswith("_")} == set(ORDER)


@pytest.mark.parametrize("part", ORDER)
def test_a_module_imports_those_before_it_alone(part):
    paths = sorted(SOURCE.glob(f"{part}/**/*.py")) or [SOURCE / f"{part}.py"]
    imported = set().union(*map(parts_imported, paths)) - {part}
    assert imported <= set(ORDER[: ORDER.index(part)])
