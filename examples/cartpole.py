"""Source 004's example, made to work: CartPole, balanced by a policy that Adam trains.

The source makes the environment and does nothing with it. Here a logistic policy of four weights
and a bias, p(right) = 1/(1 + e^(−w·s − b)), is trained by the policy gradient (REINFORCE): after
each batch of episodes the log-probability of every action is pushed up in proportion to what was
earned after it, normalised over the batch. The optimiser is `descent.rules.Adam`.

`python examples/cartpole.py` prints the mean length of the episodes of each batch; 500 is the most.
`--record` writes them to `book/results/cartpole.json`, which the book draws. It needs
`pip install gymnasium` (the extra `cartpole` of this package).
"""

import json
import math
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from descent.rules import Adam, Rule

RESULTS = Path(__file__).resolve().parent.parent / "book" / "results" / "cartpole.json"
SEEDS = range(5)


def episode(env: Any, w: Any, rng: np.random.Generator) -> tuple[Any, Any, int]:
    """Return the gradients of log p(action) in each step, the rewards to go, and the length."""
    state, _ = env.reset(seed=int(rng.integers(2**31)))
    gradients, done = [], False
    while not done:
        features = np.append(state, 1.0)
        p = 1 / (1 + math.exp(-features @ w))
        action = int(rng.random() < p)
        gradients.append((action - p) * features)
        state, _, fallen, late, _ = env.step(action)
        done = fallen or late
    length = len(gradients)
    return np.array(gradients), length - np.arange(length), length


def policy_gradient(env: Any, w: Any, rng: np.random.Generator, batch: int) -> tuple[Any, float]:
    """Return the gradient of the expected length by w, from a batch, and the mean length."""
    episodes = [episode(env, w, rng) for _ in range(batch)]
    gradients = np.concatenate([gradients for gradients, _, _ in episodes])
    to_go = np.concatenate([to_go for _, to_go, _ in episodes]).astype(float)
    advantage = (to_go - to_go.mean()) / (to_go.std() + 1e-8)
    mean_length = float(np.mean([length for _, _, length in episodes]))
    return (advantage[:, None] * gradients).mean(axis=0), mean_length


def train(seed: int, rule: Rule, batches: int = 120, batch: int = 10) -> list[float]:
    """Return the mean length of the episodes of each batch."""
    env, rng = gymnasium.make("CartPole-v1"), np.random.default_rng(seed)
    w = np.zeros(5)
    state, lengths = rule.init(w), []
    for _ in range(batches):
        gradient, mean_length = policy_gradient(env, w, rng, batch)
        w, state = rule.update(
            w, -gradient, state
        )  # minus: the rule descends, the length is to grow
        lengths.append(mean_length)
    env.close()
    return lengths


def main() -> None:
    """Train with several seeds, print the mean lengths, record if asked."""
    runs = [train(seed, Adam(lr=0.2)) for seed in SEEDS]
    for number in range(0, len(runs[0]), 20):
        print(f"batch {number + 1:3d}:", *(f"{run[number]:6.1f}" for run in runs))
    print("last:     ", *(f"{run[-1]:6.1f}" for run in runs))
    if "--record" in sys.argv:
        content = {
            "command": "python examples/cartpole.py --record",
            "versions": {name: version(name) for name in ("gymnasium", "numpy")},
            "device": "CPU",
            "seeds": list(SEEDS),
            "rule": repr(Adam(lr=0.2)),
            "episodes_per_batch": 10,
            "longest": 500,
            "mean_lengths": runs,
        }
        RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
