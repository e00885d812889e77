"""Losses: the number at the end of the forward pass, and the gradient that starts the backward."""

import numpy as np
from numpy.typing import ArrayLike

from descent._numbers import Floats

__all__ = ["log_softmax", "SoftmaxCrossEntropy"]


def log_softmax(z: Floats) -> Floats:
    """Return log(e^z_k / Σ_j e^z_j) along the last axis, without overflow.

    >>> log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    z = z - z.max(axis=-1, keepdims=True)
    log_p: Floats = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return log_p


class SoftmaxCrossEntropy:
    """The mean over a batch of −log p of the right class, p the softmax of z.

    p_nk = e^z_nk / Σ_j e^z_nj          f = −(1/N) Σ_n log p_n,label(n)
    ∂f/∂z_nk = (p_nk − [k = label(n)]) / N

    PyTorch's `CrossEntropyLoss`, of scores z (logits), not of probabilities.

    >>> loss = SoftmaxCrossEntropy()
    >>> round(loss.forward([[0.0, 0.0]], [1]), 4), loss.backward()
    (0.6931, array([[ 0.5, -0.5]]))
    """

    def forward(self, z: ArrayLike, labels: ArrayLike) -> float:
        """Return the loss of scores z, shape (N, K), for labels in 0, ..., K − 1, shape (N,).

        Raises:
            ValueError: z or labels has not this shape, or a label is not such a number.
        """
        z, labels = np.asarray(z, dtype=np.float64), np.asarray(labels)
        if z.ndim != 2 or not z.size:
            raise ValueError(f"z must have the shape (N, K), got {z.shape}")
        n, classes = z.shape
        if labels.shape != (n,) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels must be {n} whole numbers, one per row of z, got {labels.dtype} "
                f"of shape {labels.shape}"
            )
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(
                f"labels must be in 0, ..., {classes - 1}, got {labels.min()} to {labels.max()}"
            )
        self.log_p, self.labels = log_softmax(z), labels
        return float(-self.log_p[np.arange(n), labels].mean())

    def backward(self) -> Floats:
        """Return the gradient in z of the last `forward`, shape (N, K)."""
        n, classes = self.log_p.shape
        dz: Floats = (np.exp(self.log_p) - np.eye(classes)[self.labels]) / n
        return dz
