"""What all tests share."""

from hypothesis import settings

# A busy machine is slow: time decides nothing here.
settings.register_profile("book", deadline=None)
settings.load_profile("book")
