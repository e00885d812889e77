"""Check that the notebooks print the same on other machines: `python -m tools.check.portable`.

Each notebook is executed and compared, strictly, with 4 threads, and with the vector extensions of
NumPy and of torch held down, as on a processor that has none. `make strict` does it on 1 thread.
"""

import os
import subprocess
import sys
import time

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from tools.book import project

HELD_DOWN = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])

MACHINES = {
    "4 threads": {"OMP_NUM_THREADS": "4", "OMP_WAIT_POLICY": "passive"},
    "no vector extensions": {
        "OMP_NUM_THREADS": "1",
        "NPY_DISABLE_CPU_FEATURES": HELD_DOWN,
        "ATEN_CPU_CAPABILITY": "default",
    },
}


def main() -> int:
    """Run nbval on each of the machines; return 0 if all agree."""
    notebooks = sorted(str(path) for path in project.BOOK.glob("*.ipynb"))
    pytest = [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "loadfile", "-q", "--nbval"]
    failed = []
    for name, settings in MACHINES.items():
        start = time.perf_counter()
        result = subprocess.run([*pytest, *notebooks], env=os.environ | settings, check=False)
        if result.returncode:
            failed.append(name)
        print(
            f"{name}: {'differs' if result.returncode else 'the same'} "
            f"({time.perf_counter() - start:.0f} s)",
            flush=True,
        )
    if failed:
        print("The printed outputs differ with:", ", ".join(failed))
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
