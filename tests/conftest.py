"""What all tests share."""

import os

from hypothesis import settings

# Small arrays on many threads beside busy neighbours ran 16 to 100 times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is slow: time decides nothing here.
settings.register_profile("book", deadline=None)
settings.load_profile("book")
