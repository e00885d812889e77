"""The playground's settings, its noise and its still figures."""

import dataclasses
import re

import numpy as np
import pytest

from descent import _check, rules
from descent.rules import Adam, GradientDescent, Momentum, Rule
from tools.book import myst, project
from tools.site import offered, playground
from tools.translation import translate

QUERY = "landscape=quadratic&kappa=10&start=1,0.5&steps=20&run=adam,lr:0.1&run=momentum,lr:0.01"
QUERIES = [
    (page.stem, directive.options["query"])
    for page in project.pages()
    for cell in myst.read_cells(page)[0].cells
    if cell.cell_type == "markdown"
    for directive in myst.directives(cell.source)
    if directive.name == "playground"
]


def test_a_query_states_landscape_start_and_rules():
    settings = playground.parse(QUERY)
    assert settings.f.curvatures.tolist() == [1.0, 10.0]
    assert settings.start.tolist() == [1.0, 0.5]
    assert (settings.steps, settings.t, settings.noise) == (20, 20, 0.0)
    assert settings.rules == (Adam(lr=0.1), Momentum(lr=0.01))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("landscape=quadratic", "landscape=volcano", "landscape must be one of quadratic"),
        ("landscape=quadratic", "landscape=noisy-quadratic", "must state its noise"),
        ("start=1,0.5&", "", "missing settings ['start']"),
        ("kappa", "kapa", "unknown settings ['kapa']"),
        ("steps=20", "steps=-1", "steps must be a whole number"),
        ("steps=20", "noise=-1", "noise must be a finite number of at least 0"),
        ("adam,lr:0.1", "adam", "must state its step size"),
        ("adam,lr:0.1", "adam,lr:-1", "lr must be a finite number of at least 0"),
        ("adam,lr:0.1", "muon,lr:0.1,beta1:0.9", "hyper-parameters of muon must be among"),
        ("adam,lr:0.1", "newton,lr:0.1", "name must be one of"),
        ("adam,lr:0.1", "soap,lr:0.1", "must be of a rule that pages offer: gradient-descent"),
    ],
)
def test_what_a_query_may_not_state_is_named(old, new, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        playground.parse(QUERY.replace(old, new))


@pytest.mark.parametrize(("page", "query"), QUERIES)
def test_the_queries_of_the_book_can_be_drawn(page, query):
    settings = playground.parse(query)
    for rule in settings.rules:
        assert settings.run(rule).steps == settings.steps
    (left, right), (bottom, top) = settings.f.window
    assert left <= settings.start[0] <= right
    assert bottom <= settings.start[1] <= top


def test_the_noise_is_standard_normal_and_its_coordinates_independent():
    z = np.array([playground.normal(seed, t) for seed in range(50) for t in range(1, 401)])
    assert np.abs(z.mean(axis=0)).max() < 0.02
    assert np.abs(z.std(axis=0) - 1).max() < 0.02
    assert np.abs((z**4).mean(axis=0) - 3).max() < 0.15
    assert abs(np.mean(z[:, 0] * z[:, 1])) < 0.02
    assert np.abs(np.mean(z[1:] * z[:-1], axis=0)).max() < 0.02


def test_all_rules_meet_the_same_noise():
    settings = playground.parse(QUERY + "&noise=1&seed=3")
    runs = [settings.run(GradientDescent(lr)) for lr in (0.01, 0.02)]
    first, second = (run.g - np.array([settings.f.grad(x) for x in run.x]) for run in runs)
    assert np.allclose(first, second, atol=1e-12)
    assert np.allclose(first[4], playground.normal(3, 5), atol=1e-12)


def test_a_still_figure_is_drawn_once_for_each_query(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(playground, "STILLS", tmp_path)
    monkeypatch.setattr(
        playground, "draw", lambda settings, path: (drawn.append(settings), path.touch())
    )
    paths = [playground.still(query) for query in (QUERY, QUERY, QUERY + "&t=3")]
    assert paths[0] == paths[1] != paths[2]
    assert [settings.t for settings in drawn] == [20, 3]


def test_a_still_figure_shows_every_run(tmp_path):
    playground.draw(playground.parse(QUERY), tmp_path / "still.png")
    assert (tmp_path / "still.png").read_bytes().startswith(b"\x89PNG")


def test_a_rule_for_matrices_takes_the_point_as_a_row():
    settings = playground.parse(QUERY.replace("adam,lr:0.1", "muon,lr:0.1"))
    run = settings.run(settings.rules[0])
    assert run.x.shape == run.g.shape == (21, 2)
    x, g = settings.start.reshape(1, 2), settings.f.grad(settings.start).reshape(1, 2)
    first, _ = settings.rules[0].update(x, g, settings.rules[0].init(x))
    assert np.array_equal(run.x[1], first[0])


def test_the_scripts_are_all_listed_and_small():
    written = {
        offered.RULES: offered.rules_script(),
        offered.LANDSCAPES: offered.landscapes_script(),
        offered.SCHEDULES: offered.schedules_script(),
        playground.NOISE: playground.noise_script(),
    }
    shared = {translate.RUNTIME[0], offered.HTML}
    own = {path for path in playground.SCRIPTS if path.parent == playground.STATIC}
    assert set(playground.STATIC.iterdir()) == {playground.STYLE, *own}
    assert set(playground.SCRIPTS) == own | set(written) | shared
    sizes = [path.stat().st_size for path in (*own, *shared, playground.STYLE)]
    assert sum([*sizes, *(len(script.text.encode()) for script in written.values())]) < 140_000


class Lamb(Rule):
    """A rule that looks at the whole vector, as somebody may add one tomorrow.

    Args:
        beta3: β₃ in [0, 1), a decay rate of no other rule.
        floor: κ > 0, the least length that counts.
    """


def test_a_new_rule_is_offered_as_it_stands(monkeypatch):
    fields = [("lr", float, 0.01), ("beta3", float, 0.5), ("floor", float, 1e-3)]
    made = dataclasses.make_dataclass("Lamb", fields, bases=(Lamb,), frozen=True)
    made.__doc__ = Lamb.__doc__
    made.__post_init__ = lambda self: (
        _check.decay_rate("beta3", self.beta3), _check.positive("floor", self.floor)
    )  # fmt: skip
    made.update = lambda self, x, g, state: (x - self.lr * g / np.sqrt((g**2).sum()), state)
    made.State = rules.GradientDescent.State
    monkeypatch.setitem(rules._RULES, "lamb", made)
    assert offered.offer("lamb") == {
        "name": "lamb",
        "title": "Lamb",
        "made": "Lamb",
        "unit": "position",
        "share": 1.0,
        "matrix": False,
        "hyper": {"beta3": 0.5, "floor": 1e-3},
        "symbols": {"lr": "η", "beta3": "β₃", "floor": "κ"},
        "allowed": {"lr": "positive", "beta3": "rate", "floor": "positive"},
    }
