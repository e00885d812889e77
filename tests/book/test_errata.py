"""The errata are proved, complete, and stay where they are."""

import json
import re

import jsonschema
import pytest

from descent.misprints import MISPRINTS
from tools.book import errata, project, proofs, references
from tools.notebook import commonmark
from tools.site import errata_figures

LOCK = project.BOOK / "errata.lock.txt"
ERRATA = errata.errata()
NOT_ERRORS = errata.data()["not_errors"]
IDS = [one for entry in ERRATA.values() for one in entry.ids]
IDS += [one for entry in NOT_ERRORS for one in (entry["id"], *entry.get("also", []))]

each = pytest.mark.parametrize("entry", ERRATA.values(), ids=lambda entry: entry.id)
drawn = pytest.mark.parametrize(
    "entry", [e for e in ERRATA.values() if e.figure], ids=lambda entry: entry.id
)
EXAMPLE = next(iter(ERRATA.values()))


def schema():
    return json.loads(errata.SCHEMA.read_text(encoding="utf-8"))


def test_the_file_fits_its_schema():
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(errata.data(), schema())


def test_the_published_file_fits_the_schema_and_gives_each_its_address():
    published = errata.published("https://example.org/")
    jsonschema.validate(published, schema())
    assert published["errata"][0]["url"].startswith("https://example.org/book/errata.html#")
    assert all(entry["shown"] for entry in published["errata"])


@pytest.mark.parametrize("key", ["id", "printed", "why", "right", "proof", "shows", "where"])
def test_an_entry_without_one_of_its_parts_does_not_fit(key):
    broken = {k: v for k, v in errata.data()["errata"][0].items() if k != key}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**errata.data(), "errata": [broken]}, schema())


def test_a_comparison_without_a_reference_does_not_fit():
    entry = {**errata.data()["errata"][0], "proof": errata.DOCUMENTARY}
    entry.pop("reference", None)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**errata.data(), "errata": [entry]}, schema())


def test_ids_are_unique_and_so_are_their_anchors():
    assert len(set(IDS)) == len(IDS)
    assert len({errata.anchor(one) for one in IDS}) == len(IDS)


def test_no_id_that_was_once_given_vanishes():
    """A new id is added to the file; none is ever taken out."""
    locked = LOCK.read_text(encoding="utf-8").splitlines()
    assert set(locked) <= set(IDS), "an id vanished: merge the entry with `also`, or keep it"
    assert set(IDS) <= set(locked), "a new id: add it to book/errata.lock.txt"


@each
def test_an_erratum_has_a_proof_that_runs_and_a_sentence_that_shows_it(entry):
    if entry.proof == errata.DOCUMENTARY:
        assert entry.reference
        return
    numbers = entry.numbers()
    named = set(re.findall(r"(?<![\\_^}\w]){([a-z_0-9]+)}", entry.shows))
    assert named == set(numbers), "the sentence shows what the proof computes, all of it"
    assert all(number in entry.shown() for number in numbers.values())


def test_every_proof_belongs_to_an_erratum():
    used = {entry.proof for entry in ERRATA.values()}
    assert set(proofs.PROOFS) == used - {errata.DOCUMENTARY}


def of_each(found):
    """Return by erratum what a function finds wrong with it."""
    faults = {entry.id: found(entry) for entry in ERRATA.values()}
    return {name: fault for name, fault in faults.items() if fault}


def test_no_measured_number_is_typed_into_a_proof():
    def typed(entry):
        computed = entry.shows if entry.proof != errata.DOCUMENTARY else ""
        numbers = re.findall(r"(?<![\w.])\d+\.\d+", computed)
        long = {number for number in numbers if len(number.lstrip("0.").replace(".", "")) > 2}
        return long - {"0.999", "0.001"}

    assert of_each(typed) == {}


def test_topics_and_sources_are_listed():
    assert of_each(lambda entry: {entry.topic} - set(errata.data()["topics"])) == {}
    assert of_each(lambda entry: set(entry.where) - set(errata.sources())) == {}


def test_formulas_and_references_exist():
    known = set(references.references())

    def unknown(entry):
        named = [one.split(",")[0].strip() for one in entry.reference.split(";") if one.strip()]
        return {one for one in named if not re.match(r"arXiv:|https://|itself$", one)} - known

    assert of_each(unknown) == {}
    assert {entry.formula for entry in ERRATA.values()} - {""} <= set(commonmark.formula_pages())


def test_every_misprint_has_its_erratum_and_every_erratum_names_its_misprint():
    named = {entry.misprint: entry for entry in ERRATA.values() if entry.misprint}
    assert set(named) == set(MISPRINTS)
    assert all(MISPRINTS[name].erratum in entry.ids for name, entry in named.items())
    assert sum(bool(entry.misprint) for entry in ERRATA.values()) == len(MISPRINTS)


@drawn
def test_the_figure_shows_two_paths_that_part(entry):
    settings = {k: v for k, v in entry.figure.items() if k not in ("scene", "steps")}
    scene = errata_figures.SCENES[entry.figure["scene"]]
    wrong = MISPRINTS[entry.misprint]
    steps = entry.figure.get("steps", errata_figures.STEPS)
    printed, right = (
        errata_figures.path(rule(**settings), scene, steps) for rule in (wrong, wrong.of)
    )
    reach = right.max() - right.min()
    assert not abs(printed - right).max() < 0.05 * reach  # NaN parts as well


def test_all_but_one_of_the_misprints_are_drawn():
    """The one that starts from the weights leaves no number to draw."""
    undrawn = {e.misprint for e in ERRATA.values() if e.misprint and not e.figure}
    assert undrawn == {"rmsprop-starts-at-the-weights"}


def test_a_figure_is_small_and_says_in_words_what_it_shows():
    figure = errata_figures.drawn(EXAMPLE)
    assert figure.file.stat().st_size < 25_000
    assert "ends at" in figure.alt
    assert "steps on" in figure.caption


def test_the_page_has_a_section_for_each_topic():
    text = errata.PAGE.read_text(encoding="utf-8")
    sections = re.findall(r"^## (.*)\n\n```{errata} (.*)\n```$", text, re.MULTILINE)
    assert {topic: title for title, topic in sections} == errata.data()["topics"]


def test_the_counts_add_up():
    assert errata.count()[-1][-1] == len(ERRATA)


# --- the words of the tutorials ---

TUTORIALS = {name for name, source in errata.sources().items() if source.opening}
quoting = pytest.mark.parametrize(
    "entry",
    [one for one in ERRATA.values() if TUTORIALS & set(one.where)],
    ids=lambda entry: entry.id,
)


def test_the_tutorials_are_those_that_are_numbered():
    assert {"000", "001", "002", "003", "004"} == TUTORIALS


@quoting
def test_an_erratum_on_a_tutorial_has_its_words_beside_the_translation(entry):
    """Works are listed in English there; all else is Chinese, code or a formula."""
    assert set(entry.original) == TUTORIALS & set(entry.where)
    for words in (one for quoted in entry.original.values() for one in quoted):
        assert len(words) <= 120
        marked = errata.HAN.search(words) or errata.MARKED.fullmatch(words)
        assert marked or entry.topic == "references"


def test_an_erratum_on_another_text_has_none():
    assert of_each(lambda entry: set(entry.original) - TUTORIALS) == {}


def test_a_quotation_that_is_too_long_does_not_fit():
    entry = {**errata.data()["errata"][0], "original": {"002": ["梯度" * 61]}}
    with pytest.raises(jsonschema.ValidationError, match="too long"):
        jsonschema.validate({**errata.data(), "errata": [entry]}, schema())


def test_the_published_file_keeps_what_version_1_had_and_adds_the_originals():
    published = errata.published("https://example.org/")
    assert published["version"] == 2
    first = published["errata"][0]
    assert {"id", "title", "where", "printed", "why", "right", "shows", "shown", "url"} <= set(
        first
    )
    assert first["where"] == {"002": "section 2.2.3"}
    assert "沿着梯度方向" in first["original"]["002"][0]
    assert published["sources"]["003"]["original"] == "Adam在大规模深度学习中的表现"


def test_each_topic_has_its_chinese_terms():
    assert set(errata.data()["terms"]) == set(errata.data()["topics"])
    assert all(errata.HAN.search(one) for terms in errata.data()["terms"].values() for one in terms)


def test_a_section_has_its_title_beside_its_number():
    first, _, third, *_ = (errata.sources()[name] for name in sorted(TUTORIALS))
    assert third.at("section 2.2.2") == "Source 002, section 2.2.2 {zh}`《小批量梯度》`"
    assert (
        first.at("section 3, items 1 and 2")
        == "Source 000, section 3 {zh}`《Adam 算法原理》`, items 1 and 2"
    )
    both = first.at("sections 1 and 5")
    assert both == "Source 000, sections 1 {zh}`《简介》` and 5 {zh}`《总结》`"


def test_the_sections_that_are_named_and_no_others_have_a_title():
    lists = [errata.data()[name] for name in ("errata", "not_errors", "right_things")]
    for name in TUTORIALS:
        places = [
            one["where"][name] for entries in lists for one in entries if name in one["where"]
        ]
        listed = " ".join(match for place in places for match in errata.SECTIONS.findall(place))
        assert set(re.findall(errata.NUMBER, listed)) == set(errata.sources()[name].sections)


def test_what_pages_print_of_the_tutorials_are_their_own_titles():
    text = (project.BOOK / "sources.md").read_text(encoding="utf-8")
    titles = [one for s in errata.sources().values() for one in (s.original, *s.sections.values())]
    printed = re.findall("《(.+?)》", text)
    assert printed
    assert set(printed) <= set(titles)


def test_each_term_of_the_glossary_has_its_chinese_word():
    text = (project.BOOK / "glossary.md").read_text(encoding="utf-8")
    terms = text.partition("```{glossary}\n")[2].partition("\n```")[0].split("\n\n")
    assert [term for term in terms if not re.search(r"\n  {zh}`.*[一-鿿].*`[.;]", term)] == []


def test_a_path_is_a_link_to_the_state_of_the_file_that_was_read():
    labml = errata.sources()["labml"]
    assert f"/blob/{labml.commit}/labml_nn/optimizers/adam.py)" in labml.at(
        "labml_nn/optimizers/adam.py, line 29"
    )
    assert "/blob/" not in labml.at("the page on Adam")


def test_an_id_that_was_merged_leads_to_the_entry_that_took_it():
    assert errata.erratum("S0-09").id == "S0-03"
    with pytest.raises(ValueError, match="no erratum has the id 'S9-99'"):
        errata.erratum("S9-99")


def test_no_person_is_named_for_a_fault():
    """The authors of a work are named where it is cited; who wrote a tutorial, or reported, not."""
    assert not re.search(r"@\w+", errata.ERRATA.read_text(encoding="utf-8"))
    assert "作者" not in errata.ERRATA.read_text(encoding="utf-8")
