"""Fresh questions: right by the package, wrong answers named, and opened in each format."""

import json
import math
import os
import subprocess
import zipfile
from fractions import Fraction
from importlib.resources import files
from io import BytesIO

import pytest
from lxml import etree

from descent import minimize
from descent.landscapes import Quadratic
from descent.misprints import MISPRINTS
from descent.rules import GradientDescent, Momentum
from tools.book import catalogue, project
from tools.site import mathematics
from tools.teaching import banks, document
from tools.teaching.questions import TEMPLATES
from tools.teaching.questions.exact import Exact

DRAWN = {
    name: [template.question(seed) for seed in (0, 1, 2)] for name, template in TEMPLATES.items()
}
SAMPLE = [template.question(7) for template in TEMPLATES.values()]
"""One question of each template."""


def test_there_are_at_least_sixty_templates_by_hand_and_by_code_over_the_parts_of_the_book():
    assert len(TEMPLATES) >= 60
    assert sum(template.by_code for template in TEMPLATES.values()) >= 15
    runs = {page.stem for page in project.chapters()}
    reference = {page.stem for page in project.parts()["Reference"]}
    assert runs - reference <= {template.chapter for template in TEMPLATES.values()}


def test_each_template_names_formulas_of_the_book():
    known = {formula.id for formula in catalogue.book()}
    for template in TEMPLATES.values():
        assert set(template.formulas) <= known, template.id
        assert template.formulas


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_draws_different_questions_and_the_same_for_the_same_seed(template):
    drawn = DRAWN[template.id]
    assert len({question.text for question in drawn}) > 1
    assert template.question(2) == drawn[2]


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_the_right_answer_is_right_to_three_digits_and_each_known_mistake_is_named(template):
    for question in DRAWN[template.id]:
        right = float(question.answer)
        assert question.says(right) == ""
        whole = isinstance(question.answer, Fraction) and question.answer.denominator == 1
        assert whole or question.says(float(f"{right:.4g}")) == ""
        assert question.mistakes, f"{question.id} knows no mistake"
        for text, value in question.mistakes:
            assert question.says(value) == text


@pytest.mark.nightly
@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_hundred_seeds_give_questions_that_have_an_answer(template):
    for seed in range(100):
        question = template.question(seed)
        assert math.isfinite(float(question.answer))
        assert question.says(float(question.answer)) == ""
        assert 0 < question.tolerance <= max(0.4, 1e-3 * abs(float(question.answer)))


def test_each_misprint_is_named_by_the_answer_that_it_gives():
    named = set()
    for question in SAMPLE:
        for text, value in question.mistakes:
            said = question.says(value)
            named |= {name for name in MISPRINTS if f"misprint {name} gives" in text == said}
    assert named == set(MISPRINTS)


def test_answers_by_hand_are_exact_where_the_rules_take_no_root_that_is_none():
    hand = [question for question in SAMPLE if not question.template.by_code]
    exact = [question for question in hand if isinstance(question.answer, Fraction)]
    assert len(exact) > 0.85 * len(hand)


def test_exact_numbers_stay_exact_and_keep_what_is_no_square_as_it_is():
    assert type(Exact(1) + Fraction(1, 2)) is type(Fraction(1) - Exact(3)) is Exact
    assert (2 * Exact(9, 8)) ** 0.5 == Fraction(3, 2)
    assert Exact(2) ** 0.5 == 2**0.5
    assert str(Exact(-1) ** 0.5) == "nan"


def test_runs_in_floating_point_agree_with_the_answers():
    asked = TEMPLATES["gd-steps-by-code"].question(1)
    start, lr = int(asked.text.split("x_0 = ")[1][0]), float(asked.text.split("eta = ")[1][:5])
    run = minimize(Quadratic([2.0]), [start], GradientDescent(lr), steps=40)
    assert run.x[-1, 0] == pytest.approx(float(asked.answer), rel=1e-12)
    asked = TEMPLATES["momentum-terminal-velocity"].question(1)
    lr, mu, g = 1 / 20, 4 / 5, 3
    assert f"${g}$" in asked.text
    rule, d = Momentum(lr, mu), Momentum().init(0.0)
    for _ in range(300):
        _, d = rule.update(0.0, g, d)
    assert abs(d.d) == pytest.approx(float(asked.answer))


@pytest.mark.parametrize("question", SAMPLE, ids=TEMPLATES)
def test_the_formulas_of_each_question_are_set_by_katex(question):
    assert "$" not in banks.html(question.text, mathematics.render).replace("$$", "")


def test_a_seed_that_is_none_and_a_chapter_without_questions_are_refused_by_name():
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, got -1"):
        TEMPLATES["gd-steps"].question(-1)
    with pytest.raises(ValueError, match=r"chapter must be one of .*adam.*, got 'adom'"):
        banks.drawn("adom")


def test_a_sheet_of_questions_has_answers_in_its_second_file_alone():
    questions = banks.drawn("momentum")
    assert questions[0].shown in banks.markdown("M", questions, solved=True)
    assert "misprint" not in banks.markdown("M", questions, solved=False)
    assert document.body(banks.markdown("M", questions[:3], solved=True)).count("<h2") == 3


# --- each format, opened --------------------------------------------------------------------------

MOODLE = """
<element name="quiz" xmlns="http://relaxng.org/ns/structure/1.0"
    datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
  <oneOrMore><element name="question"><choice>
    <group><attribute name="type"><value>category</value></attribute>
      <element name="category"><ref name="text"/></element></group>
    <group><attribute name="type"><value>numerical</value></attribute>
      <element name="name"><ref name="text"/></element>
      <element name="questiontext"><ref name="html"/></element>
      <element name="generalfeedback"><ref name="html"/></element>
      <element name="defaultgrade"><data type="decimal"/></element>
      <element name="penalty"><data type="decimal"/></element>
      <element name="hidden"><choice><value>0</value><value>1</value></choice></element>
      <oneOrMore><element name="answer">
        <attribute name="fraction"><choice><value>0</value><value>100</value></choice></attribute>
        <attribute name="format"><value>moodle_auto_format</value></attribute>
        <element name="text"><data type="double"/></element>
        <element name="tolerance"><data type="double"/></element>
        <element name="feedback"><ref name="html"/></element>
      </element></oneOrMore>
      <element name="unitgradingtype"><data type="integer"/></element>
      <element name="unitpenalty"><data type="decimal"/></element>
      <element name="showunits"><data type="integer"/></element>
      <element name="unitsleft"><data type="integer"/></element></group>
  </choice></element></oneOrMore>
</element>
"""
"""Moodle's documentation of its XML format, for the types of questions that are written."""
DEFINITIONS = """
<define name="text"><element name="text"><text/></element></define>
<define name="html">
  <attribute name="format"><value>html</value></attribute><ref name="text"/>
</define>
"""


def moodle_schema():
    body = MOODLE.replace(
        ' xmlns="http://relaxng.org/ns/structure/1.0"\n'
        '    datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes"',
        "",
    )
    grammar = (
        '<grammar xmlns="http://relaxng.org/ns/structure/1.0" '
        'datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">'
        f"<start>{body}</start>{DEFINITIONS}</grammar>"
    )
    return etree.RelaxNG(etree.fromstring(grammar))


@pytest.mark.parametrize("chapter", banks.chapters())
def test_moodle_takes_the_questions_of_each_chapter(chapter):
    questions = [one for one in SAMPLE if one.template.chapter == chapter]
    quiz = etree.fromstring(banks.moodle(chapter, questions).encode())
    moodle_schema().assertValid(quiz)
    asked = quiz.findall("question[@type='numerical']")
    for element, question in zip(asked, questions, strict=True):
        right, *wrong = element.findall("answer")
        assert right.get("fraction") == "100"
        assert float(right.findtext("text")) == float(question.answer)
        assert float(right.findtext("tolerance")) == question.tolerance
        assert [float(one.findtext("text")) for one in wrong] == [v for _, v in question.mistakes]
        shown = etree.fromstring(element.findtext("questiontext/text"))
        assert shown.tag == "p"


def qti_answer(item, answer):
    """Return score and feedback that pyslet, which implements QTI 2.1, gives an answer."""
    from pyslet.qtiv2.variables import FloatValue, ItemSessionState

    state = ItemSessionState(item)
    state.begin_session()
    state["RESPONSE"] = FloatValue(answer)
    item.ResponseProcessing.run(state)
    return state["SCORE"].value, state["FEEDBACK"].value


def qti_item(text):
    from pyslet.qtiv2.xml import QTIDocument

    document = QTIDocument()
    document.read(src=BytesIO(text.encode()))
    return document.root


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("question", SAMPLE[::8], ids=list(TEMPLATES)[::8])
def test_a_program_that_implements_qti_scores_the_answers(question):
    item = qti_item(banks.qti_item(question))
    assert qti_answer(item, float(question.answer))[0] == banks.POINTS[question.template.by_code]
    for number, (_, value) in enumerate(question.mistakes):
        assert qti_answer(item, value) == (0, f"known-{number}")


def test_a_package_of_qti_lists_each_item_once_and_holds_it(tmp_path):
    questions = banks.drawn("rmsprop")
    banks.qti(questions, tmp_path / "q.zip")
    with zipfile.ZipFile(tmp_path / "q.zip") as package:
        manifest = etree.fromstring(package.read("imsmanifest.xml"))
        assert manifest.findtext("{*}metadata/{*}schema") == "QTIv2.1 Package"
        listed = [one.get("href") for one in manifest.iter("{*}resource")]
        assert sorted([*listed, "imsmanifest.xml"]) == sorted(package.namelist())
        assert listed == [f"{question.id}.xml" for question in questions]
        for name in listed:
            etree.fromstring(package.read(name))


@pytest.mark.nightly
def test_the_schema_of_qti_holds_for_a_question_of_each_template():
    if not (path := os.environ.get("QTI_SCHEMA")):
        pytest.skip(
            "QTI_SCHEMA names no imsqti_v2p1.xsd: IMS Global has it, and its licence keeps it there"
        )
    schema = etree.XMLSchema(file=path)
    for question in SAMPLE:
        schema.assertValid(etree.fromstring(banks.qti_item(question).encode()))
    broken = banks.qti_item(SAMPLE[0]).replace("itemBody>", "itemBodies>")
    assert not schema.validate(etree.fromstring(broken.encode()))


def told_by_moodle(element, response):
    """Return the grade and the feedback that Moodle gives a response to a numerical question.

    As `qformat_xml::import_numerical` reads the answers, and `qtype_numerical_question` takes the
    first within whose tolerance a response lies.
    """
    for answer in element.findall("answer"):
        value, tolerance = float(answer.findtext("text")), float(answer.findtext("tolerance"))
        if value - tolerance <= response <= value + tolerance:
            return float(answer.get("fraction")) / 100, answer.findtext("feedback/text")
    return 0.0, ""


def test_moodle_grades_an_answer_and_names_a_misprint_as_we_do():
    quiz = etree.fromstring(banks.moodle("adam", SAMPLE).encode())
    asked = quiz.findall("question[@type='numerical']")
    for element, question in zip(asked, SAMPLE, strict=True):
        right = float(question.answer)
        assert told_by_moodle(element, right)[0] == 1
        assert told_by_moodle(element, right + 0.9 * question.tolerance)[0] == 1
        for text, value in question.mistakes:
            assert told_by_moodle(element, value) == (0, banks.html(text, banks.in_brackets))
        assert told_by_moodle(element, 1e99) == (0, "")


QUIZ = """
const box = { style: {}, classList: { add() {} }, parentElement: { parentElement: { id: "x" } } };
global.document = { getElementById: (id) => (id.startsWith("fb") ? box : null) };
global.jaxify = (text) => text;
console.log = () => {};
const said = JSON.parse(require("fs").readFileSync(0)).map(([answers, value]) => {
  let right = false;
  const input = { id: "1-0", value, dataset: { answers: JSON.stringify(answers) }, className: "",
    blur() {}, classList: { add: (name) => { right = name === "correctButton"; } },
    closest: () => null };
  check_numeric(input, { keyCode: 13 });
  return [right, box.innerHTML];
});
process.stdout.write(JSON.stringify(said));
"""


def test_jupyterquiz_judges_the_answers_as_we_do():
    script = files("jupyterquiz").joinpath("js/numeric.js").read_text(encoding="utf-8")
    asked, expected = [], []
    for question, made in zip(SAMPLE, banks.quiz(SAMPLE), strict=True):
        for value in [float(question.answer), *(wrong for _, wrong in question.mistakes), 1e99]:
            said = question.says(value)
            asked.append([made["answers"], repr(value)])
            text = {None: "Not yet. Try again."}.get(said) or banks.html(
                said or banks.explanation(question), banks.in_dollars
            )
            expected.append([said == "", text])
    done = subprocess.run(
        [mathematics.NODE, "-e", f"class Question {{ static register() {{}} }}\n{script}{QUIZ}"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(done.stdout) == expected
