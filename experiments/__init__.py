"""The recorded runs that the chapters draw: `make experiments` makes them all, anew or to the end.

Each experiment writes one file of `book/results`, with command, versions, device and seeds in it.
What a file holds already is not run again, so an experiment that was stopped goes on.
"""
