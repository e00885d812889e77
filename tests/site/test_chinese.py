"""The Chinese edition: it stands beside the English one, place by place, and is found and set."""

import base64
import re
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urldefrag

import pytest
from visiting import HTML, tree

from tools.book import project
from tools.chinese import catalogues, figures, pages

HAN = re.compile(r"[\u4e00-\u9fff]")
ZH = HTML / "zh"
ADDRESSES = [f"book/{name}.html" for name in catalogues.PAGES]

QUERIES = {
    "Adam 偏差修正": "book/adam.html",
    "Adam 公式 错误": "book/errata.html",
    "权重衰减 L2 区别": "book/glossary.html",
    "反向传播 推导": "book/backpropagation.html",
    "动量 公式 两种写法": "book/momentum.html",
    "学习率 怎么选": "book/choosing.html",
    "RMSprop 与 Adagrad": "book/rmsprop.html",
    "AMSGrad 收敛": "book/errata.html",
    "β₂ 取值": "book/adam.html",
    "Adam 代码 实现": "book/errata.html",
}
"""What Chinese readers are likely to look for, and a page that one of the first three shows."""


@cache
def anchors(path):
    return set(tree(path).xpath("//@id"))


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_has_the_places_of_the_english_one(address):
    english, chinese = (
        {section.get("id") for section in tree(folder / address).xpath("//article//section")}
        for folder in (HTML, ZH)
    )
    assert english == chinese
    boxes = "//article//div[contains(@class, 'formula') or contains(@class, 'erratum')]/@id"
    assert tree(HTML / address).xpath(boxes) == tree(ZH / address).xpath(boxes)


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_link_leads_somewhere_and_one_to_an_english_page_says_so(address):
    page = ZH / address
    broken, silent = [], []
    for link in tree(page).xpath("//main//a[@href]"):
        target, place = urldefrag(link.get("href"))
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / unquote(target)).resolve() if target else page
        if not file.exists() or (
            place
            and file.suffix == ".html"
            and unquote(place).partition("=")[0] not in anchors(file)
            and "playground" not in file.name
        ):
            broken.append(link.get("href"))
        leaves = file.suffix == ".html" and ZH not in file.parents
        if leaves != (link.get("hreflang") == "en") and "language" not in link.classes:
            silent.append(link.get("href"))
    assert broken == []
    assert silent == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_page_names_the_other_and_its_language(address):
    found = []
    for folder, code in ((HTML, "en"), (ZH, "zh-CN")):
        root = tree(folder / address)
        assert root.get("lang") == code
        links = root.xpath("//link[@rel='alternate' and @hreflang]")
        found.append({link.get("hreflang"): link.get("href") for link in links})
        (switch,) = root.cssselect("a.language")
        to = (folder / address).parent / switch.get("href")
        assert to.resolve() == (ZH if folder == HTML else HTML) / address
    assert found[0] == found[1]
    assert set(found[0]) == {"en", "zh-CN", "x-default"}
    assert found[0]["zh-CN"].endswith(f"/zh/{address}")


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_text_waits_for_its_translation(address):
    assert pages.MARK not in tree(ZH / address).text_content()


def test_the_numbers_are_those_of_the_english_edition_and_the_pictures_have_its_texts_in_chinese():
    for address in ADDRESSES:
        english, chinese = (
            [
                ((folder / address).parent / image.get("src")).resolve().read_bytes()
                for image in tree(folder / address).xpath("//article//img")
            ]
            for folder in (HTML, ZH)
        )
        drawn = [
            base64.b64decode(one.data["image/png"])
            for one in figures.pictures(project.BOOK / "zh" / f"{Path(address).stem}.ipynb")
        ]
        assert len(english) == len(chinese)
        assert [new for old, new in zip(english, chinese, strict=True) if old != new] == drawn
        outputs = [
            [
                cell.text_content()
                for cell in tree(folder / address).cssselect("div.cell_output pre")
            ]
            for folder in (HTML, ZH)
        ]
        assert outputs[0] == outputs[1]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_alternative_text_is_chinese(address):
    images = tree(ZH / address).xpath("//article//img[not(ancestor::*[@lang='en'])]")
    assert [one.get("alt") for one in images if not HAN.search(one.get("alt", ""))] == []


def test_the_next_page_asks_its_question_in_chinese():
    asked = [tree(ZH / address).cssselect(".next-why") for address in ADDRESSES]
    texts = [one.text_content() for found in asked for one in found]
    assert len(texts) >= 6
    assert [text for text in texts if not HAN.search(text)] == []


def test_the_likely_queries_lead_to_what_answers_them(open_page, report):
    page = open_page("zh/search.html", viewport={"width": 1440, "height": 900})
    page.wait_for_function("() => !document.querySelector('#search-status').innerText")
    search = page.locator(".bd-search-container input")
    missed = {}
    for query, wanted in QUERIES.items():
        search.fill(query)
        page.wait_for_function(
            "(query) => document.querySelector('#search-status').innerText.includes(query)",
            arg=query,
        )
        links = page.locator("#search-results li > a").evaluate_all(
            "(all) => all.slice(0, 3).map((one) => one.getAttribute('href'))"
        )
        report(f"{query}: {', '.join(unquote(link) for link in links)}")
        if not any(urldefrag(link)[0].endswith(wanted) for link in links):
            missed[query] = links
    assert missed == {}


def test_the_switch_keeps_the_place(open_page, settle):
    page = open_page(f"zh/book/adam.html#{quote('adam-update')}")
    page.locator("a.language").evaluate(
        "(link) => link.click()"
    )  # a click of the test would scroll
    page.wait_for_url("**/html/book/adam.html#adam-update")
    settle(page).evaluate(
        "() => document.getElementById('bias-correction').scrollIntoView({ behavior: 'instant' })"
    )
    page.locator("a.language").evaluate(
        "(link) => link.click()"
    )  # a click of the test would scroll
    page.wait_for_url("**/zh/book/adam.html#bias-correction")


def test_chinese_is_set_as_chinese_and_formulas_as_formulas(open_page):
    page = open_page("zh/book/adam.html", viewport={"width": 1440, "height": 900})
    style = page.evaluate(
        """() => {
            const of = (selector) => getComputedStyle(document.querySelector(selector));
            const em = document.querySelector("article p em, article li em");
            return {
                family: of("article p").fontFamily,
                em: em && getComputedStyle(em).fontStyle,
                math: of(".formula .katex .mathnormal").fontFamily,
                drawn: document.querySelector(".formula .katex").getBoundingClientRect().width,
            };
        }"""
    )
    assert "Noto Sans CJK SC" in style["family"]
    assert style["em"] in (None, "normal")
    assert style["math"].startswith("KaTeX")
    assert style["drawn"] > 50


def test_the_playground_speaks_chinese(open_page):
    page = open_page("zh/book/playground.html", viewport={"width": 1440, "height": 900})
    page.locator(".playground button[aria-label='播放']").wait_for()
    offered = page.locator(".playground select option").evaluate_all(
        "(all) => all.map((one) => one.textContent)"
    )
    assert {"病态的二次函数", "梯度下降", "动量", "Adam"} <= set(offered)
    named = [text for text in offered if " " in text and not HAN.search(text)]
    assert named == []  # a name of two words is no name: it is translated


def test_the_first_page_races_in_chinese_and_offers_the_pdf(open_page):
    page = open_page("zh/book/index.html", viewport={"width": 1440, "height": 900})
    race = page.locator(".playground[data-race]")
    race.locator(".legend >> text=梯度下降").wait_for()
    assert HAN.search(race.get_attribute("data-title"))
    assert page.locator("article a[href$='from-gradient-descent-to-adam.zh.pdf']").count() == 2
