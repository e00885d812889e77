"""What to install where a module is missing."""

EXTRAS = {"matplotlib": "plot", "sklearn": "data", "PIL": "data", "tensorboard": "tensorboard"}
"""The extra of the package that brings a module."""


def in_words(error: Exception) -> str:
    """Return an error in a line; where a module is missing, with the command that installs it."""
    extra = EXTRAS.get(str(getattr(error, "name", "")).partition(".")[0])
    return f'{error}: pip install "descent-to-adam[{extra}]"' if extra else str(error)
