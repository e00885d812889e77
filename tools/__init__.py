"""What turns chapters into notebooks and notebooks into the site; run as `python -m tools.NAME`."""
