"""Backpropagation written out: `descent.backprop.scalar` differentiates one number at a time."""
