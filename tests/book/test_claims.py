"""Every sentence that claims something stands on its page as listed, and its evidence exists."""

from collections import Counter
from dataclasses import replace

import pytest

from tools.book import claims, project

LISTED = [page for page in project.pages() if claims.listed(page).exists()]
EXAMPLE = next(claim for claim in claims.of(LISTED[0]) if claim.sentence)

with_list = pytest.mark.parametrize("chapter", LISTED, ids=lambda page: page.stem)


@with_list
def test_every_claim_stands_on_its_page_with_evidence_that_exists(chapter):
    assert [fault for claim in claims.of(chapter) for fault in claims.faults(claim)] == []


@with_list
def test_a_sentence_with_a_telling_word_is_on_the_list_of_its_chapter(chapter):
    """Such as "any" or "because". List it, with its evidence; if it claims nothing: `no_claims`."""
    assert claims.unlisted(chapter) == []


def test_every_chapter_has_a_list():
    missing = {chapter.stem for chapter in project.chapters()} - {page.stem for page in LISTED}
    assert missing == set(), "a chapter lists what it claims in book/claims/NAME.yml"


def test_every_list_belongs_to_a_page():
    listed = {path.stem for path in claims.FOLDER.glob("*.yml")}
    assert listed <= {page.stem for page in project.pages()}


def test_an_id_is_used_once_and_none_that_was_once_given_vanishes():
    ids = Counter(claim.id for claim in claims.book())
    assert [name for name, times in ids.items() if times > 1] == []
    assert set(claims.locked()) - set(ids) == set(), "taken out? keep the id, with `broke` alone"
    assert set(ids) - set(claims.locked()) == set(), "new? run: python -m tools.book.claims"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"sentence": "Adam always wins."}, "no longer says 'Adam always wins.'"),
        ({"kind": "vague"}, "the kind 'vague' is none of general"),
        ({"id": "Not an id"}, "lower-case words"),
        ({"evidence": []}, "has evidence"),
        ({"evidence": [{"rumour": "x"}]}, "evidence of kind 'rumour'"),
        ({"evidence": [{"formula": "adam-x"}]}, "no formula 'adam-x'"),
        ({"evidence": [{"theorem": "theorem-x"}]}, "no theorem 'theorem-x'"),
        ({"evidence": [{"test": "tests/test_laws.py::test_x"}]}, "no test 'tests/test_laws.py"),
        ({"evidence": [{"test": "tests/test_x.py::test_x"}]}, "no test 'tests/test_x.py"),
        (
            {"evidence": [{"test": "tests/test_laws.py::near"}]},
            "no test 'tests/test_laws.py::near'",
        ),
        ({"evidence": [{"cell": "No such heading"}]}, "no cell 'No such heading'"),
        ({"evidence": [{"assert": "assert x == 12345"}]}, "no assert 'assert x == 12345'"),
        ({"evidence": [{"assert": "import numpy as np"}]}, "no assert 'import numpy as np'"),
        ({"evidence": [{"erratum": "S9-99"}]}, "no erratum 'S9-99'"),
        ({"evidence": [{"source": "nobody2099, page 1"}]}, "no source 'nobody2099, page 1'"),
        ({"evidence": [{"source": "kingma2015adam"}]}, "a comma, and the place in it"),
        ({"evidence": [{"claim": "no-such-claim"}]}, "no claim 'no-such-claim'"),
        ({"evidence": [{"claim": EXAMPLE.id}]}, "the id of a claim of another page"),
        ({"sentence": "", "evidence": []}, "if it was taken out, `broke` says why"),
        ({"broke": {"was": "It wins."}}, "what the sentence `was` and `by` what"),
    ],
)
def test_a_fault_is_found_and_told(change, complaint):
    (fault, *_) = claims.faults(replace(EXAMPLE, **change))
    assert fault.startswith(f"book/claims/{EXAMPLE.page.stem}.yml, ")
    assert complaint in fault


@pytest.mark.parametrize(
    "evidence",
    [
        {"formula": "adam-update"},
        {"theorem": "theorem-gd-convex"},
        {"test": "tests/book/test_claims.py::test_a_fault_is_found_and_told"},
        {"cell": "By hand"},
        {"cell": "exercise-gd-read"},
        {"cell": "best-rate"},
        {"assert": "assert measured == predicted"},
        {"erratum": "S0-09"},  # merged into another
        {"source": "kingma2015adam, Algorithm 1"},
        {"source": "https://example.org/, the page"},
        {"claim": "adam-units-cancel"},
    ],
    ids=lambda evidence: next(iter(evidence)),
)
def test_each_kind_of_evidence_is_found(evidence):
    chapter = project.BOOK / "gradient-descent.md"
    claim = replace(EXAMPLE, page=chapter, sentence="How long a step may we take?")
    assert claims.faults(replace(claim, evidence=[evidence])) == []


def test_a_sentence_may_run_over_lines_and_one_that_was_taken_out_has_no_evidence(tmp_path):
    gone = replace(EXAMPLE, sentence="", evidence=[], broke={"was": "Adam wins.", "by": "0.02"})
    assert claims.faults(gone) == []
    assert claims.faults(replace(EXAMPLE, sentence=EXAMPLE.sentence.replace(" ", "\n"))) == []


def test_headings_formulas_proofs_and_questions_claim_nothing_captions_do(tmp_path):
    chapter = tmp_path / "page.md"
    chapter.write_text(PAGE, encoding="utf-8")
    said = [one for one in claims.sentences(chapter) if claims.TELLING.search(one)]
    assert sorted(said) == ["Every path ends.", "Is it the best?", "It always holds.", "No: never."]


PAGE = """\
---
jupytext: {text_representation: {format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# The best rule

It always holds. This says
nothing.

:::{admonition} Proof
Because of this.
:::

:::{exercise} Every one
:label: exercise-best
Is it the best?
:::

```{code-cell} ipython3
---
mystnb: {figure: {caption: Every path ends.}}
---
assert any([True])
```

No: never.
"""
