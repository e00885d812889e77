"""The contest: how rates are chosen, what its intervals and tests say."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
scipy_stats = pytest.importorskip("scipy.stats", reason="the tests of the contest are SciPy's")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from descent import data, models, rules
from descent.train.contest import (
    CONTESTANTS,
    HALF_DECADES,
    Problem,
    interval,
    paired,
    sign_flips,
    tune,
)

DIGITS = data.load("digits").to("cpu")


def problem(**changes):
    options = {"build": lambda: models.mlp((1, 8, 8), 10, (32,)), "data": DIGITS, "epochs": 2}
    return Problem(**(options | changes))


def test_a_seed_decides_a_run_and_contestants_share_its_start():
    runs = [problem().run(rules.Adam(1e-2), seed) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]
    assert {"train_loss", "validation_accuracy", "test_loss"} <= runs[0].keys()
    still = [
        problem().run(rule, 0)["test_loss"]
        for rule in (rules.GradientDescent(1e-12), rules.Momentum(1e-12))
    ]
    assert still[0] == pytest.approx(still[1], rel=1e-6)


def test_a_run_that_diverges_has_an_infinite_loss_and_no_accuracy():
    scores = problem().run(rules.GradientDescent(1e20), 0)
    assert scores["validation_loss"] == float("inf")
    assert scores["test_accuracy"] == 0
    assert scores.keys() == problem().run(rules.Adam(1e-2), 0).keys()


def test_the_rate_goes_to_zero_along_half_a_cosine():
    rates = []

    class Spy(rules.GradientDescent, name=None):
        def update(self, x, g, state):
            rates.append(self.lr_at(state.t + 1))
            return super().update(x, g, state)

    problem(epochs=1).run(Spy(0.1), 0)
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] < 0.01 * rates[0]
    assert sorted(rates, reverse=True) == rates


@pytest.mark.parametrize("optimum", [1e-5, 3e-4, 1e-2, 3.0, 300.0])
def test_tuning_finds_the_best_rate_wherever_it_starts_and_tries_both_neighbours(optimum):
    def run(lr, seed):
        return {"validation_loss": abs(np.log(lr / optimum)) + 0.01 * seed}

    best, tried = tune(run, (1e-3, 3e-3, 1e-2), seeds=(0, 1))
    assert best == optimum
    place = HALF_DECADES.index(optimum)
    assert {HALF_DECADES[place - 1], HALF_DECADES[place + 1]} <= tried.keys()
    assert list(tried) == sorted(tried)
    assert tried[optimum] == pytest.approx(0.005)


def test_tuning_passes_by_a_rate_that_diverges():
    def run(lr, seed):
        return {"validation_loss": float("inf") if lr > 0.02 and seed else -lr}

    assert tune(run, (3e-3, 1e-2, 3e-2), seeds=(0, 1))[0] == 0.01


def test_an_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        mean, half = interval(list(rng.normal(3, 2, size=5)), 0.9)
        inside += abs(mean - 3) <= half
    assert inside / 2000 == pytest.approx(0.9, abs=0.02)


def test_the_paired_test_is_the_t_test_of_the_differences_and_sees_what_an_unpaired_one_misses():
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 1, 5)
    one, other = list(hard), list(hard + 0.1 + 0.01 * rng.normal(size=5))
    differences = np.subtract(one, other)
    t = differences.mean() / (differences.std(ddof=1) / 5**0.5)
    assert paired(one, other) == pytest.approx(2 * scipy_stats.t.sf(abs(t), 4), rel=1e-9)
    assert paired(one, other) < 1e-3
    assert scipy_stats.ttest_ind(one, other).pvalue > 0.5


def test_sign_flips_agree_with_scipys_and_are_right_as_often_as_they_say():
    rng = np.random.default_rng(2)
    for n in (3, 6, 9):
        one, other = rng.normal(size=(2, n))
        expected = scipy_stats.permutation_test(
            (one - other,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert sign_flips(one, other) == pytest.approx(expected.pvalue, rel=1e-12)
    found = [sign_flips(d, np.zeros(6)) for d in rng.laplace(size=(3000, 6))]
    assert np.mean(np.array(found) <= 0.25) == pytest.approx(0.25, abs=0.02)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="from 2 to 20, got 21 and 21"):
        sign_flips([1.0] * 21, [2.0] * 21)
    with pytest.raises(ValueError, match=r"rates must be some of .*got \(0.02,\)"):
        tune(lambda lr, seed: {}, (0.02,), (0,))
    with pytest.raises(ValueError, match="values must be at least two, got 1"):
        interval([1.0])
    with pytest.raises(ValueError, match=r"confidence must be .*got 2"):
        interval([1.0, 2.0], 2)
    with pytest.raises(ValueError, match="got 2 and 3"):
        paired([1, 2], [1, 2, 3])


def test_every_contestant_takes_a_learning_rate_alone():
    assert {make(0.1).lr for make in CONTESTANTS.values()} == {0.1}
