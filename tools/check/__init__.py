"""What takes longer than a test, or needs another environment: `make nightly` calls most of it.

Start with `parity` (our rules beside the frameworks') and `mutants` (a changed rule fails a test).
"""
