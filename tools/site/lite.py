"""JupyterLite, on a click: Jupyter in the reader's browser, from its maker's host. Off by default.

`jupyterlite` in `_config.yml` is false, or it has two addresses: `host`, a JupyterLite that opens a
notebook by `?fromURL=` (the extension jupyterlab-open-url-parameter), and `wheel`, a wheel of the
package on a host that lets other pages fetch it, since no git runs in a browser. Then a chapter has
a box that says what is fetched, with a link; nothing of another host is in the page before a click.
"""

from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

from tools.book import project
from tools.site import head

WANTED = {"host", "wheel"}


def check(app: Sphinx, config: Config) -> None:
    """Refuse a setting that is neither false nor two addresses."""
    asked = config.jupyterlite
    if asked is False:
        return
    told = asked if isinstance(asked, dict) else {}
    if told.keys() != WANTED or not all(str(one).startswith("https://") for one in told.values()):
        raise ConfigError(f"jupyterlite must be false or have https addresses {WANTED}: {asked!r}")


def raw(docname: str) -> str:
    """Return the address from which the notebook of a chapter is fetched."""
    owner = "/".join(project.address().split("/")[-2:])
    branch = project.config()["repository"]["branch"]
    return f"https://raw.githubusercontent.com/{owner}/{branch}/{head.notebook_of(docname)}"


def box(docname: str, host: str, wheel: str) -> str:
    """Return the box of a chapter: what is fetched, from where, and the link that does it."""
    said = project.said
    told = said(
        "The link fetches JupyterLite and Python for the browser, tens of megabytes, from {}, and "
        "this notebook from raw.githubusercontent.com; it opens in a new tab. No git runs there: "
        "put this line in the place of the first cell."
    ).format(urlsplit(host).hostname)
    link = escape(f"{host}?fromURL={quote(raw(docname), safe='')}")
    return (
        f'<details class="lite"><summary>{said("Run in the browser")}</summary>'
        f"<p>{escape(told)}</p><pre>%pip install {escape(wheel)}</pre>"
        f'<p><a href="{link}" target="_blank" rel="noopener noreferrer">'
        f"{said('Fetch and open JupyterLite')}</a></p></details>"
    )


def offer(app: Sphinx, name: str, _template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the box below the title of a chapter, where it is asked for."""
    is_chapter = isinstance(doctree, nodes.document) and (
        project.ROOT / f"{name}.md" in project.chapters()
    )
    if app.config.jupyterlite and is_chapter:
        added = f"</h1>\n{box(name, **app.config.jupyterlite)}"
        context["body"] = context["body"].replace("</h1>", added, 1)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_config_value("jupyterlite", False, "html", (bool, dict))
    app.connect("config-inited", check)
    app.connect("html-page-context", offer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
