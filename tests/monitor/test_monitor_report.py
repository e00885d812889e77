"""The report, read by other programs: text, JSON against its schema, HTML, PNG."""

import io
import json
import sys
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

torch = pytest.importorskip("torch", reason="the monitor needs torch")
plt = pytest.importorskip("matplotlib.pyplot", reason="the pictures need matplotlib")

import descent.monitor
from descent.monitor import Report, Row, monitor
from tests.monitor.runs import Task, watched

SCHEMA = json.loads((Path(descent.monitor.__file__).parent / "schema.json").read_text())


@pytest.fixture(scope="module")
def report():
    """Of a run with a warning, two groups, one of them named, and a sharpness."""
    task = Task()
    first, last = task.model[0].parameters(), task.model[2].parameters()
    groups = [{"params": first, "name": "<b>body</b>"}, {"params": last}]
    optimizer = torch.optim.Adam(groups, lr=1e-3, eps=1.0)
    return watched(task, optimizer, steps=40, loss=task.whole_loss, products=2).report()


class Outline(HTMLParser):
    """What is on a page: tags, addresses, text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v]

    def handle_data(self, data):
        self.text += data


def test_the_json_fits_its_schema_and_the_schema_names_each_measure(report):
    content = json.loads(report.as_json())
    jsonschema.validate(content, SCHEMA)
    rows = SCHEMA["properties"]["rows"]["items"]["properties"]
    assert rows.keys() == {field.name for field in fields(Row)}
    assert content["findings"][0]["kind"] == "eps-outweighs"


def test_what_is_no_number_is_null_in_the_json():
    task = Task()
    watch = watched(task, torch.optim.SGD(task.model.parameters(), lr=1e30), steps=20)
    content = json.loads(watch.report().as_json())
    jsonschema.validate(content, SCHEMA)
    assert content["rows"][-1]["weight"] is None
    assert "non-finite" in watch.report().as_html()


def test_the_text_has_the_warnings_and_the_last_measures(report):
    lines = str(report).splitlines()
    assert lines[0] == "Adam, 40 steps, looked at every 10: 2 warnings"
    assert lines[1].startswith("- eps-outweighs, <b>body</b>, since step 1: ε is above √v̂ in 100%")
    assert lines[3].split()[:4] == ["group", "step", "t", "lr"]


def test_the_page_needs_nothing_else_and_escapes_what_it_was_given(report):
    page = Outline(report.as_html())
    assert "b" not in page.tags
    assert "script" not in page.tags
    assert "<b>body</b>" in page.text
    assert page.tags.count("svg") == 1
    assert all(address.startswith("#") for address in page.addresses)


def test_the_page_links_to_a_book_whose_address_is_given(report):
    page = Outline(report.as_html(book="https://example.org/"))
    where = "https://example.org/book/when-adam-fails.html#adam-large-epsilon-limit"
    assert where in page.addresses


def test_the_picture_has_a_panel_for_what_was_measured_and_lines_on_it(report):
    picture = plt.imread(io.BytesIO(report.as_png()))[..., :3]
    assert picture.shape[1] == 1440
    blue = (abs(picture - [0, 0x72 / 255, 0xB2 / 255]) < 0.02).all(axis=2)
    rows, half = 4, picture.shape[1] // 2
    for i in range(rows):
        for side in (slice(0, half), slice(half, None)):
            height = picture.shape[0] // rows
            assert blue[i * height : (i + 1) * height, side].sum() > 50


def test_a_picture_leaves_the_callers_figures_and_their_look_alone(report):
    before = dict(plt.rcParams), plt.get_fignums()
    report.as_png()
    assert (dict(plt.rcParams), plt.get_fignums()) == before


def test_a_report_is_written_by_its_suffix_or_whole_into_a_folder(report, tmp_path):
    assert report.write(tmp_path / "run.json") == [tmp_path / "run.json"]
    json.loads((tmp_path / "run.json").read_text())
    written = report.write(tmp_path / "all")
    assert sorted(p.name for p in written) == [
        *("monitor.html", "monitor.json", "monitor.png", "monitor.txt")
    ]
    assert sorted((tmp_path / "all").iterdir()) == sorted(written)


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(report, tmp_path, monkeypatch):
    path = tmp_path / "run.txt"
    path.write_text("old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk is full")))
    with pytest.raises(OSError, match="disk is full"):
        report.write(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_of_no_form_is_refused(report, tmp_path):
    with pytest.raises(ValueError, match=r"must be a folder or end in .html, .json, .png, .txt"):
        report.write(tmp_path / "run.pdf")
    with pytest.raises(ValueError, match="must lie in a folder that can be written to"):
        Report.check(tmp_path / "none" / "run.html")


def test_a_report_before_the_first_step_is_whole():
    watch = monitor(torch.optim.SGD(Task().model.parameters(), lr=0.1))
    report = watch.report()
    assert str(report) == "SGD, 0 steps, looked at every 50: no warnings"
    jsonschema.validate(json.loads(report.as_json()), SCHEMA)
    assert "No warnings" in report.as_html()


def test_text_and_json_need_no_matplotlib(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert str(report)
    assert report.as_json()
