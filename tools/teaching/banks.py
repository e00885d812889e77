"""Questions as files: Markdown and PDF, Moodle XML, QTI 2.1, and the JSON of jupyterquiz.

Each format is told the right answer with its tolerance, and what is said of each wrong answer that
is known.
"""

import json
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import latex2mathml.converter
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from tools.book import catalogue, project
from tools.site.downloads import link
from tools.teaching import document
from tools.teaching.questions import TEMPLATES, Question
from tools.teaching.sheets import heading, room

SEEDS = range(3)
"""The questions that are drawn of each template."""
POINTS = {False: 2, True: 4}
"""Points of a question by hand, and of one by code."""
ET.register_namespace("m", "http://www.w3.org/1998/Math/MathML")
QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
RIGHT = "Right."


def drawn(chapter: str, seeds: Sequence[int] = SEEDS) -> list[Question]:
    """Return the questions of a chapter.

    Raises:
        ValueError: no template belongs to the chapter.
    """
    found = [one for one in TEMPLATES.values() if one.chapter == chapter]
    if not found:
        raise ValueError(f"chapter must be one of {chapters()}, got {chapter!r}")
    return [one.question(seed) for one in found for seed in seeds]


def chapters() -> list[str]:
    """Return the chapters that have templates, in the order of the book."""
    having = {one.chapter for one in TEMPLATES.values()}
    return [page.stem for page in project.pages() if page.stem in having]


def formulas_of(question: Question) -> str:
    """Return the formulas that answer a question, as links in Markdown."""
    titles = {one.id: one.title for one in catalogue.book()}
    return ", ".join(f"[{titles[name]}]({link(name)})" for name in question.template.formulas)


def explanation(question: Question) -> str:
    """Return what is said when the answer is known, in Markdown."""
    return f"The answer is {question.shown}. See {formulas_of(question)}."


# --- text -----------------------------------------------------------------------------------------


@cache
def _reader(mathematics: Callable[[str], str]) -> MarkdownIt:
    reader = MarkdownIt().use(dollarmath_plugin)
    rule = lambda self, tokens, index, options, env: mathematics(tokens[index].content)  # noqa: E731
    reader.add_render_rule("math_inline", rule)
    return reader


def html(markdown: str, mathematics: Callable[[str], str]) -> str:
    """Return Markdown as HTML, its formulas as `mathematics` writes them."""
    return str(_reader(mathematics).render(markdown)).strip()


def in_brackets(latex: str) -> str:
    r"""Return a formula for MathJax: `\(x\)`."""
    return rf"\({_escaped(latex)}\)"


def in_dollars(latex: str) -> str:
    """Return a formula between dollars."""
    return f"${_escaped(latex)}$"


def mathml(latex: str) -> str:
    """Return a formula as MathML."""
    return str(latex2mathml.converter.convert(latex))


def _escaped(latex: str) -> str:
    return latex.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown(title: str, questions: Sequence[Question], *, solved: bool) -> str:
    """Return questions as a sheet in Markdown, with room or with answers."""
    parts = [f"# {title}{': answers' if solved else ''}"]
    parts += [] if solved else ["Name: [ ]{.name}"]
    for number, question in enumerate(questions, 1):
        points = POINTS[question.template.by_code]
        parts += [heading(number, "", points), question.text]
        parts.append(_answers(question) if solved else room(points))
    return "\n\n".join([*parts, document.foot()]) + "\n"


def _answers(question: Question) -> str:
    known = [f"- {value:.6g}: {text}" for text, value in question.mistakes]
    return "\n\n".join([f"**{question.shown}** ({formulas_of(question)})", "\n".join(known)])


# --- Moodle XML -----------------------------------------------------------------------------------


def _child(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text or None
    return element


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    """Add what Moodle wraps in an element `text`, and return its wrapping."""
    element = _child(parent, tag, **attributes)
    _child(element, "text", text)
    return element


def moodle(chapter: str, questions: Sequence[Question]) -> str:
    """Return questions as Moodle XML: numerical ones, in a category of their chapter."""
    quiz = ET.Element("quiz")
    category = _child(quiz, "question", type="category")
    title = project.title(project.BOOK / f"{chapter}.md").replace("/", "//")
    _text(category, "category", f"$course$/From Gradient Descent to Adam/{title}")
    for question in questions:
        _moodle_question(quiz, question)
    ET.indent(quiz)
    return ET.tostring(quiz, encoding="unicode", xml_declaration=True) + "\n"


def _moodle_question(quiz: ET.Element, question: Question) -> None:
    element = _child(quiz, "question", type="numerical")
    _text(element, "name", question.id)
    _text(element, "questiontext", html(question.text, in_brackets), format="html")
    said = html(explanation(question), in_brackets)
    _text(element, "generalfeedback", said, format="html")
    _child(element, "defaultgrade", str(POINTS[question.template.by_code]))
    _child(element, "penalty", "0.3333333")
    _child(element, "hidden", "0")
    _moodle_answer(element, 100, float(question.answer), question.tolerance, RIGHT)
    for text, value in question.mistakes:
        _moodle_answer(element, 0, value, question.around(value), text)
    _child(element, "unitgradingtype", "0")
    _child(element, "unitpenalty", "0.1")
    _child(element, "showunits", "3")
    _child(element, "unitsleft", "0")


def _moodle_answer(
    parent: ET.Element, fraction: int, value: float, tolerance: float, text: str
) -> None:
    answer = _text(
        parent, "answer", repr(value), fraction=str(fraction), format="moodle_auto_format"
    )
    _child(answer, "tolerance", repr(tolerance))
    _text(answer, "feedback", html(text, in_brackets), format="html")


# --- QTI 2.1 --------------------------------------------------------------------------------------


def qti_item(question: Question) -> str:
    """Return a question as an assessment item of QTI 2.1."""
    ET.register_namespace("", QTI)
    name = f"{{{QTI}}}assessmentItem"
    made = {"identifier": question.id, "title": question.template.id}
    item = ET.Element(name, {**made, "adaptive": "false", "timeDependent": "false"})
    item.set(f"{{{SCHEMA}}}schemaLocation", f"{QTI} {QTI}.xsd")
    _declare(item, question)
    body = _qti(item, "itemBody")
    body.extend(_qti_blocks(html(question.text, mathml)))
    _qti(
        _qti(body, "p"), "textEntryInteraction", responseIdentifier="RESPONSE", expectedLength="15"
    )
    _process(item, question)
    for number, (text, _) in enumerate(question.mistakes):
        shown = {
            "outcomeIdentifier": "FEEDBACK",
            "identifier": f"known-{number}",
            "showHide": "show",
        }
        _qti(item, "modalFeedback", text, **shown)
    ET.indent(item)
    return ET.tostring(item, encoding="unicode", xml_declaration=True) + "\n"


def _qti(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    return _child(parent, f"{{{QTI}}}{tag}", text, **attributes)


def _qti_blocks(text: str) -> list[ET.Element]:
    """Return blocks of HTML as elements of QTI, which has them in its own namespace."""
    wrapped = ET.fromstring(f'<div xmlns="{QTI}">{text}</div>')
    return list(wrapped)


def _declare(item: ET.Element, question: Question) -> None:
    """Declare the response and what comes of it."""
    response = _qti(item, "responseDeclaration", identifier="RESPONSE", **_one("float"))
    _qti(_qti(response, "correctResponse"), "value", repr(float(question.answer)))
    score = _qti(item, "outcomeDeclaration", identifier="SCORE", **_one("float"))
    _qti(_qti(score, "defaultValue"), "value", "0")
    _qti(item, "outcomeDeclaration", identifier="FEEDBACK", **_one("identifier"))


def _one(kind: str) -> dict[str, str]:
    return {"cardinality": "single", "baseType": kind}


def _process(item: ET.Element, question: Question) -> None:
    """Score the right answer, and choose the feedback of a wrong one that is known."""
    condition = _qti(_qti(item, "responseProcessing"), "responseCondition")
    branch = _qti(condition, "responseIf")
    _near(branch, float(question.answer), question.tolerance)
    points = POINTS[question.template.by_code]
    _set(branch, "SCORE", "float", str(points))
    for number, (_, value) in enumerate(question.mistakes):
        branch = _qti(condition, "responseElseIf")
        _near(branch, value, question.around(value))
        _set(branch, "FEEDBACK", "identifier", f"known-{number}")


def _near(branch: ET.Element, value: float, tolerance: float) -> None:
    """Require that the response lies around a value."""
    both = _qti(branch, "and")
    for relation, border in (("gte", value - tolerance), ("lte", value + tolerance)):
        compared = _qti(both, relation)
        _qti(compared, "variable", identifier="RESPONSE")
        _qti(compared, "baseValue", repr(border), baseType="float")


def _set(branch: ET.Element, outcome: str, kind: str, value: str) -> None:
    setting = _qti(branch, "setOutcomeValue", identifier=outcome)
    _qti(setting, "baseValue", value, baseType=kind)


def qti(questions: Sequence[Question], path: Path) -> None:
    """Write questions as a package of QTI 2.1: a manifest and a file for each item."""
    ET.register_namespace("", PACKAGE)
    manifest = ET.Element(f"{{{PACKAGE}}}manifest", identifier="descent-to-adam")
    metadata = ET.SubElement(manifest, f"{{{PACKAGE}}}metadata")
    ET.SubElement(metadata, f"{{{PACKAGE}}}schema").text = "QTIv2.1 Package"
    ET.SubElement(metadata, f"{{{PACKAGE}}}schemaversion").text = "1.0.0"
    ET.SubElement(manifest, f"{{{PACKAGE}}}organizations")
    resources = ET.SubElement(manifest, f"{{{PACKAGE}}}resources")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for question in questions:
            name = f"{question.id}.xml"
            made = {"identifier": question.id, "type": "imsqti_item_xmlv2p1", "href": name}
            resource = ET.SubElement(resources, f"{{{PACKAGE}}}resource", made)
            ET.SubElement(resource, f"{{{PACKAGE}}}file", href=name)
            package.writestr(name, qti_item(question))
        ET.register_namespace("", PACKAGE)
        package.writestr("imsmanifest.xml", ET.tostring(manifest, "unicode", xml_declaration=True))


# --- jupyterquiz ----------------------------------------------------------------------------------


def quiz(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """Return questions as jupyterquiz takes them, with a range for each answer that is known."""
    return [_quiz_question(question) for question in questions]


def _quiz_question(question: Question) -> dict[str, Any]:
    known = [(float(question.answer), question.tolerance, True, explanation(question))]
    known += [(value, question.around(value), False, text) for text, value in question.mistakes]
    ranges = [
        {
            "type": "range",
            "range": [value - tolerance, value + tolerance],
            "correct": correct,
            "feedback": html(text, in_dollars),
        }
        for value, tolerance, correct, text in known
    ]
    default = {"type": "default", "feedback": "Not yet. Try again."}
    text = html(question.text, in_dollars)
    return {"question": text, "type": "numeric", "answers": [*ranges, default]}


# --- files ----------------------------------------------------------------------------------------


def write(folder: Path, wanted: Sequence[str] = (), seeds: Sequence[int] = SEEDS) -> None:
    """Write the questions of chapters, of all where none is named, in all formats."""
    folder.mkdir(parents=True, exist_ok=True)
    prints = []
    for chapter in wanted or chapters():
        questions, path = drawn(chapter, seeds), folder / f"{chapter}.md"
        title = f"Questions: {project.title(project.BOOK / f'{chapter}.md')}"
        for solved, suffix in {False: "", True: "-answers"}.items():
            text, own = markdown(title, questions, solved=solved), path.with_stem(chapter + suffix)
            own.write_text(text, encoding="utf-8")
            prints.append((document.paper(text, title), own.with_suffix(".pdf")))
        path.with_suffix(".moodle.xml").write_text(moodle(chapter, questions), encoding="utf-8")
        qti(questions, path.with_suffix(".qti.zip"))
        content = json.dumps(quiz(questions), ensure_ascii=False, indent=1)
        path.with_suffix(".quiz.json").write_text(content + "\n", encoding="utf-8")
    document.printed(prints)
