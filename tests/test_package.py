"""The package installs, and importing it brings NumPy and nothing heavier."""

import subprocess
import sys


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
    loaded = modules_after("import descent.plotting")
    assert "matplotlib" in loaded
    assert "torch" not in loaded
