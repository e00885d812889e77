"""Programs that check the package and make the book's data; run as `python -m tools.NAME`."""
