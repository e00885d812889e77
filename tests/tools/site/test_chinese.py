"""Chinese says that it is Chinese, whatever stands in it."""

import pytest
from sphinx.application import Sphinx

PAGE = """
# Words

Before {zh}`《偏差校正》`, {zh}`` `# 动量` ``, {zh}`参数$x$`.
"""


@pytest.fixture
def page(tmp_path):
    """Return the page as the site would write it."""
    (tmp_path / "index.md").write_text(PAGE, encoding="utf-8")
    app = Sphinx(
        srcdir=tmp_path,
        confdir=None,
        outdir=tmp_path / "out",
        doctreedir=tmp_path / "doctrees",
        buildername="html",
        confoverrides={
            "extensions": ["myst_parser", "tools.site.chinese"],
            "myst_enable_extensions": ["dollarmath"],
            "html_theme": "basic",
        },
        status=None,
    )
    app.build()
    return (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_each_text_has_its_language_and_what_is_code_or_a_formula_is_set_as_such(page):
    assert 'Before <span lang="zh-Hans">《偏差校正》</span>' in page
    code = '<code class="docutils literal notranslate"><span class="pre">#</span> '
    assert f'<span lang="zh-Hans">{code}<span class="pre">动量</span></code></span>' in page
    assert '<span lang="zh-Hans">参数<span class="math' in page
