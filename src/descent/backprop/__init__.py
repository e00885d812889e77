"""Backpropagation in NumPy: layers with forward and backward, losses, a gradient check."""
