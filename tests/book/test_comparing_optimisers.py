"""The formulas of the chapter on comparing optimisers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near

torch = pytest.importorskip("torch", reason="the contest trains networks of torch")
stats = pytest.importorskip("scipy.stats", reason="the quantiles are SciPy's")

from descent import models, schedules
from descent.report import results
from descent.train.contest import Problem, interval, paired, sign_flips
from experiments.contests import CONTESTS

scores = st.lists(st.floats(-10, 10), min_size=2, max_size=12).filter(lambda s: np.std(s) > 1e-3)


@pytest.mark.formula("student-interval")
@given(scores)
def test_the_half_width_is_the_quantile_times_the_standard_error(s):
    n, mean = len(s), sum(s) / len(s)
    variance = sum((v - mean) ** 2 for v in s) / (n - 1)
    expected = stats.t.ppf(0.975, n - 1) * math.sqrt(variance / n)
    found = interval(s)
    assert found[0] == near(mean, s)
    assert found[1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.formula("paired-t")
@given(scores, st.integers(0, 100))
def test_p_is_the_chance_of_so_large_a_t(s, seed):
    other = np.random.default_rng(seed).normal(size=len(s))
    d = np.subtract(s, other)
    t = d.mean() / math.sqrt(((d - d.mean()) ** 2).sum() / (len(d) - 1) / len(d))
    assert paired(s, other) == pytest.approx(2 * stats.t.sf(abs(t), len(d) - 1), rel=1e-7)


@pytest.mark.formula("sign-flip-floor")
@given(scores)
def test_no_pairs_have_a_smaller_p_and_equal_signs_reach_it(s):
    n = len(s)
    assert sign_flips(s, [0.0] * n) >= 2.0 ** (1 - n)
    assert sign_flips([abs(v) + 1 for v in s], [0.0] * n) == 2.0 ** (1 - n)


def test_other_tests_of_five_against_five_have_other_floors():
    one, other = [1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]

    def difference(a, b, axis):
        return np.mean(a, axis=axis) - np.mean(b, axis=axis)

    unpaired = stats.permutation_test((one, other), difference, vectorized=True)
    assert unpaired.pvalue == pytest.approx(2 / 252)
    flips = stats.permutation_test(
        (np.subtract(one, other),),
        np.mean,
        permutation_type="samples",
        alternative="less",
        n_resamples=np.inf,
    )
    assert flips.pvalue == 1 / 32


def test_the_recorded_contests_are_of_the_networks_and_lengths_that_the_chapter_says():
    said = {"digits-mlp": 20, "digits-alexnet": 10, "digits-alexnet-he": 10, "digits-resnet": 8}
    said |= {"mnist-mlp": 3, "cifar10-resnet": 2}
    said |= {"digits-autoencoder": 60, "digits-autoencoder-constant": 60}
    nets = {
        name: models.count(models.get(name, (1, 8, 8))) for name in ("alexnet-lite", "resnet-8")
    }
    counts = {"digits-mlp": models.count(models.mlp((1, 8, 8), hidden=(512, 256)))}
    counts |= {"digits-alexnet": nets["alexnet-lite"], "digits-alexnet-he": nets["alexnet-lite"]}
    counts |= {"mnist-mlp": models.count(models.mlp((1, 28, 28), hidden=(512, 256)))}
    counts |= {"digits-resnet": nets["resnet-8"]}
    counts |= {"cifar10-resnet": models.count(models.get("resnet-8", (3, 32, 32)))}
    counts |= dict.fromkeys(
        ("digits-autoencoder", "digits-autoencoder-constant"), models.count(models.autoencoder())
    )
    for name, contest in CONTESTS.items():
        recorded = results(f"contest-{name}")
        assert (recorded["epochs"], contest.epochs) == (said[name], said[name])
        assert recorded["parameters"] == counts[name]
        falls = contest.schedule is schedules.Cosine
        assert falls == (name != "digits-autoencoder-constant")
    assert Problem.batch_size == 64


def test_with_five_seeds_one_standard_error_covers_the_mean_five_times_in_eight():
    assert 1 - 2 * stats.t.sf(1, 4) == pytest.approx(5 / 8, abs=2e-3)
    assert stats.t.isf(0.025, 4) == pytest.approx(2.8, abs=0.03)


def test_from_pytorchs_start_the_adaptive_rules_learn_with_every_seed_and_momentum_with_one():
    contestants = results("contest-digits-alexnet")["contestants"]
    accuracy = {
        name: [run["test_accuracy"] for run in one["runs"]] for name, one in contestants.items()
    }
    assert min(min(accuracy[name]) for name in ("AdaGrad", "RMSprop", "Adam")) > 0.5
    assert max(accuracy["SGD"]) < 0.5
    assert sum(share > 0.5 for share in accuracy["momentum"]) == 1
    assert max(accuracy["momentum"]) > min(accuracy["AdaGrad"])
