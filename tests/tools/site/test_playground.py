"""The playground's settings, its noise and its still figures."""

import re

import numpy as np
import pytest

from descent.rules import Adam, GradientDescent, Momentum
from tools.book import myst, project
from tools.site import playground

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
        ("adam,lr:0.1", "muon,lr:0.1", "a rule for matrices"),
        ("adam,lr:0.1", "newton,lr:0.1", "name must be one of"),
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


def test_the_scripts_are_all_listed_and_small():
    files = set(playground.STATIC.iterdir())
    assert files == {playground.STYLE, *playground.SCRIPTS}
    assert sum(path.stat().st_size for path in files) < 150_000
