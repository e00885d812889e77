"""Backpropagation written out.

`scalar` differentiates one number at a time; `layers`, `losses` and `init` are networks in NumPy,
each layer a forward and a backward; `check` compares a gradient with differences.
"""
