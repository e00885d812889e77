"""JupyterLite is fetched on a click and after a word, and is not there by default."""

import re
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from docutils import nodes
from sphinx.errors import ConfigError

from tools.book import project
from tools.site import lite

ON = {
    "host": "https://jupyter.org/try-jupyter/lab/index.html",
    "wheel": "https://example.org/descent_to_adam-1-py3-none-any.whl",
}
ADDRESS = "book/adagrad.html"


def page_with(setting, name="book/adagrad"):
    app = SimpleNamespace(config=SimpleNamespace(jupyterlite=setting))
    context = {"body": "<h1>AdaGrad</h1><p>Text</p>"}
    lite.offer(app, name, "", context, nodes.document(None, None))
    return context["body"]


def test_by_default_it_is_off_and_nothing_of_it_is_in_a_page(site):
    assert project.config()["sphinx"]["config"]["jupyterlite"] is False
    text = (site / ADDRESS).read_text(encoding="utf-8")
    assert not re.search("jupyter.org|jupyterlite|pyodide|Run in the browser", text, re.IGNORECASE)
    assert page_with(False) == "<h1>AdaGrad</h1><p>Text</p>"
    assert page_with(ON, "book/index") == "<h1>AdaGrad</h1><p>Text</p>"


@pytest.mark.parametrize("setting", [True, "", {}, {"host": "x"}, ON | {"wheel": "http://a"}])
def test_a_setting_that_is_no_address_stops_the_build(setting):
    config = SimpleNamespace(jupyterlite=setting)
    with pytest.raises(ConfigError, match="must be false or have https addresses"):
        lite.check(SimpleNamespace(), config)


def test_the_sentence_is_read_before_anything_is_fetched(open_page):
    page, asked = open_page(ADDRESS), []
    page.context.route(
        re.compile("^https?:"), lambda route: (asked.append(route.request.url), route.abort())
    )
    page.locator("article").evaluate("(one, html) => one.innerHTML = html", page_with(ON))
    link = page.get_by_role("link", name="Fetch and open JupyterLite")
    page.wait_for_timeout(300)
    assert not link.is_visible()
    page.get_by_text("Run in the browser").click()
    assert link.is_visible()
    assert page.get_by_text("tens of megabytes, from jupyter.org, and this notebook").is_visible()
    assert page.get_by_text(f"%pip install {ON['wheel']}").is_visible()
    page.wait_for_timeout(300)
    assert asked == []
    with page.context.expect_page() as opened:
        link.click()
    opened.value.wait_for_timeout(300)
    assert asked[0].startswith(f"{ON['host']}?fromURL=https%3A%2F%2Fraw.githubusercontent.com%2F")
    (notebook,) = parse_qs(urlsplit(asked[0]).query)["fromURL"]
    assert notebook.endswith("/book/adagrad.ipynb")
