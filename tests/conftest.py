"""What all tests share."""

import os
from importlib.util import find_spec

from hypothesis import HealthCheck, settings

# Small arrays on many threads beside busy neighbours ran 16 to 100 times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Keras imports TensorFlow where nothing else is said, which no requirement has.
os.environ.setdefault("KERAS_BACKEND", "jax" if find_spec("jax") else "torch")

# On a busy machine time decides nothing: no deadline, and no complaint that inputs come slowly.
# `book` meets the same examples in every run; `nightly` looks for new ones, and prints how to see
# a failure again.
UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("book", derandomize=True, max_examples=25, **UNTIMED)
settings.register_profile("nightly", max_examples=500, print_blob=True, **UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "book"))
