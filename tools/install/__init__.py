"""Environments, the lock, and the wheel: start with `environment`, which `make` calls.

Nothing of the book is imported here: `environment` runs before anything is installed.
"""
