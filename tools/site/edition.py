"""The Sphinx extension of the editions: the English site, and the Chinese one under `zh/`.

The Chinese edition is built from the same sources, read through `tools.chinese`. Its parts have the
ids of the English ones, so that a place is the same in both; what it has not leads to the English
page. `chinese_edition` builds it, after the English site, which says where its parts are.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.inventory import InventoryFile

from tools.book import project
from tools.chinese import catalogues, interface, pages
from tools.site import finish

PLACES = project.BUILD / "places.json"
"""Where the parts of the English site are."""
INVENTORY = project.BUILD / "objects.inv"
"""Where what can be referred to is on the English site, as Sphinx writes it."""
WHEN_READ: list[Callable[[], None]] = []
"""What is called when both are written."""
FOLDER = project.BUILD / pages.LANGUAGE
CODES = {"en": "en", "zh": "zh-CN"}
"""The languages as HTML names them."""


def is_chinese() -> bool:
    """Return whether this process builds the Chinese edition."""
    return project.Edition.language == pages.LANGUAGE


# --- the places of the English site -----------------------------------------------------------


def note_sections(app: Sphinx, doctree: nodes.document) -> None:
    """Keep the ids of the sections of a page, in its order."""
    app.env.metadata[app.env.docname]["sections"] = _sections(doctree)


def _sections(doctree: nodes.document) -> list[list[str]]:
    return [list(section["ids"]) for section in doctree.findall(nodes.section)]


def write_places(app: Sphinx, env: BuildEnvironment) -> None:
    """Write where the parts of the English site are, for the Chinese one, when all are read."""
    if app.builder.name != "html" or not project.is_english():
        return
    found = {
        docname: {
            "sections": known["sections"],
            "slugs": {slug: place[1] for slug, place in known.get("myst_slugs", {}).items()},
        }
        for docname, known in sorted(env.metadata.items())
        if "sections" in known
    }
    formulas = env.get_domain("formula").data["pages"]
    PLACES.write_text(json.dumps({"pages": found, "formulas": formulas}), encoding="utf-8")
    InventoryFile.dump(str(INVENTORY), env, app.builder)
    for call in WHEN_READ:
        call()


@cache
def places() -> dict[str, Any]:
    """Return what `write_places` wrote."""
    found: dict[str, Any] = json.loads(PLACES.read_text(encoding="utf-8"))
    return found


# --- the Chinese pages ------------------------------------------------------------------------


def read_in_chinese(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the translation in the place of a page's text, and read it again when that changes."""
    path = Path(app.env.doc2path(docname))
    shows_all = docname in ("book/formulas", "book/citing")
    needed = {path.stem, catalogues.FORMULAS, catalogues.INTERFACE, catalogues.ENTRIES}
    for name in catalogues.PAGES if shows_all else needed:
        app.env.note_dependency(str(catalogues.path(name)))
    source[0] = project.text(path)


class EnglishIds(SphinxTransform):
    """Give the sections of a Chinese page the ids of the English ones."""

    default_priority = 5

    def apply(self, **kwargs: Any) -> None:
        """Change the ids, before anything refers to them."""
        known = places()["pages"][self.env.docname]
        sections = [*self.document.findall(nodes.section)]
        for section, ids in zip(sections, known["sections"], strict=True):
            for old, new in zip(section["ids"], ids, strict=False):
                self._rename(section, old, new)
            section["ids"] = list(ids)
        told = {section["ids"][0]: section.next_node(nodes.title) for section in sections}
        slugs = {
            slug: (0, place, told[place].astext() if place in told else "")
            for slug, place in known["slugs"].items()
        }
        self.env.metadata[self.env.docname]["myst_slugs"] = self.document.myst_slugs = slugs

    def _rename(self, section: nodes.section, old: str, new: str) -> None:
        self.document.ids.pop(old, None)
        self.document.ids[new] = section
        for name, place in self.document.nameids.items():
            if place == old:
                self.document.nameids[name] = new


class EnglishPages(SphinxPostTransform):
    """Lead links to pages that are not translated to the English ones, before MyST looks."""

    default_priority = 8

    def run(self, **kwargs: Any) -> None:
        """Replace such references."""
        for node in [*self.document.findall(pending_xref)]:
            page = node["reftarget"]
            if node["reftype"] != "myst" or node["refdomain"] != "doc":
                continue
            if page not in self.env.all_docs and page in places()["pages"]:
                anchor = places()["pages"][page]["slugs"].get(node["reftargetid"], "")
                link = english_link(self.env.docname, page, anchor)
                link += node[0].deepcopy()
                node.replace_self(link)


def english_link(docname: str, page: str, anchor: str = "") -> nodes.reference:
    """Return a link from a Chinese page to an English one."""
    address = "../" * (docname.count("/") + 1) + f"{page}.html" + (f"#{anchor}" if anchor else "")
    return nodes.reference("", "", refuri=address, internal=True)


def formula_elsewhere(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.reference | None:
    """Lead a reference to a formula of a page that is not translated to the English page."""
    page = places()["formulas"].get(node["reftarget"])
    if node.get("refdomain") != "formula" or page is None:
        return None
    link = english_link(node.get("refdoc", env.docname), page, node["reftarget"])
    link += content.deepcopy()
    return link


class MarkEnglish(SphinxPostTransform):
    """Say of each link that leads out of the Chinese edition that its page is English."""

    default_priority = 900

    def run(self, **kwargs: Any) -> None:
        """Mark them."""
        out = "../" * (self.env.docname.count("/") + 1)
        for link in self.document.findall(nodes.reference):
            address = link.get("refuri", "")
            if address.startswith(out) and ".html" in address:
                link["classes"].append(finish.ENGLISH)


# --- both editions ----------------------------------------------------------------------------


NAMES = {"en": "English", "zh": "中文"}


def languages(docname: str) -> dict[str, str]:
    """Return the address of a page on the site, by the languages in which there is one."""
    in_chinese = docname.removeprefix("book/") in catalogues.PAGES
    chinese = {pages.LANGUAGE: f"{pages.LANGUAGE}/{docname}.html"} if in_chinese else {}
    return {"en": f"{docname}.html", **chinese}


def tell(app: Sphinx, docname: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Link a page to itself in the other language, in its head and at its top."""
    found = languages(docname) if tree is not None else {}
    if len(found) < 2:
        return
    site = project.site(project.address())
    links = {CODES[language]: address for language, address in found.items()}
    context["metatags"] = context.get("metatags", "") + "".join(
        f'\n<link rel="alternate" hreflang="{code}" href="{site}{address}">'
        for code, address in {**links, "x-default": found["en"]}.items()
    )
    (other,) = found.keys() - {project.Edition.language}
    context["translated"] = {
        "address": project.to_root(docname) + found[other],
        "code": CODES[other],
        "name": NAMES[other],
    }


# --- the build --------------------------------------------------------------------------------


def contents() -> Path:
    """Write the table of contents of the Chinese edition; return its file."""
    toc = project.read_yaml(project.TOC)
    listed = {f"book/{name}" for name in catalogues.PAGES}
    parts = [
        {
            "caption": project.said(part["caption"]),
            "chapters": [
                {"file": one["file"]} for one in part["chapters"] if one["file"] in listed
            ],
        }
        for part in toc["parts"]
    ]
    parts = [part for part in parts if part["chapters"]]
    made = {"format": toc["format"], "root": toc["root"], "parts": parts}
    path = FOLDER / "_toc.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(made, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def configure(app: Sphinx, config: Config) -> None:
    """Set what is not as in the English edition."""
    config.html_baseurl = config.ogp_site_url = f"{config.html_baseurl}{pages.LANGUAGE}/"
    config.intersphinx_mapping = {
        "english": ("..", (str(INVENTORY),)),
    }
    config.nb_code_prompt_show, config.nb_code_prompt_hide = "显示代码", "隐藏代码"


def settings() -> dict[str, Any]:
    """Return the settings of Sphinx for the Chinese edition."""
    title = project.title(project.BOOK / "index.md")
    return {"language": "zh_CN", "external_toc_path": contents().as_posix(), "html_title": title}


def translate_scripts(app: Sphinx, exception: Exception | None) -> None:
    """Put the texts of the scripts into Chinese, where Sphinx has copied them."""
    static = Path(app.outdir, "_static")
    for name in interface.SCRIPTS if not exception else ():
        english = (interface.STATIC / name).read_text(encoding="utf-8")
        (static / name).write_text(pages.script(english), encoding="utf-8")
    for name in interface.OFFERED if not exception else ():
        told = interface.with_titles((static / name).read_text(encoding="utf-8"), project.said)
        (static / name).write_text(told, encoding="utf-8")


def place_switch(app: Sphinx, config: Config) -> None:
    """Put the switch of languages at the top of a page."""
    config.html_theme_options["article_header_end"] = [
        "language.html",
        "article-header-buttons.html",
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-read", note_sections)
    app.connect("html-page-context", tell, priority=400)  # the theme then drops what is empty
    app.connect("config-inited", place_switch)
    app.connect("env-updated", write_places, priority=100)  # the references take their time
    if is_chinese():
        app.setup_extension("sphinx.ext.intersphinx")
        app.add_transform(EnglishIds)
        app.add_post_transform(EnglishPages)
        app.add_post_transform(MarkEnglish)
        app.connect("config-inited", configure, priority=200)
        app.connect("source-read", read_in_chinese)
        app.add_css_file("chinese.css")
        app.connect("missing-reference", formula_elsewhere)
        app.connect("build-finished", translate_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
