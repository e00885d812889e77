"""What all tests share."""

import os

from hypothesis import settings

# Small arrays on many threads beside busy neighbours ran 16 to 100 times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is slow: time decides nothing here. `book` meets the same examples in every run;
# `nightly` looks for new ones, and prints how to see a failure again.
settings.register_profile("book", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("nightly", deadline=None, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "book"))
