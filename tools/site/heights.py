"""How high each part of a page is, measured in Chromium: `make heights`, after the site is built.

A long page is laid out as it is read; until then each of its parts counts as high as was measured
here, so that the scrollbar neither jumps nor lies. `book/heights.json` keeps the numbers, a pair
for each part: on a phone, on a desktop. A test of the site fails when they no longer fit.
"""

import json
import re
import sys
from functools import cache

from tools.book import project

FILE = project.BOOK / "heights.json"
WIDTHS = (390, 1440)
PARTS = "article > section > section, .sheet, .erratum"
"""What `book.css` lays out late; it reads the heights from the properties that `told` sets."""
OPENING = re.compile(r'<(?:section|div)\b[^>]*\bid="([^"]+)"')
STEP = 10
"""Heights are rounded to so many pixels: a comma that is added changes none of them."""
MEASURE = """([parts, step]) => {
    document.documentElement.classList.add("into");
    const named = [...document.querySelectorAll(parts)].filter((part) => part.id);
    return Object.fromEntries(named.map((part) =>
        [part.id, step * Math.round(part.getBoundingClientRect().height / step)]));
}"""


@cache
def measured() -> dict[str, dict[str, list[int]]]:
    """Return the heights of each page's parts in CSS pixels, by page and by id."""
    found: dict[str, dict[str, list[int]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def told(page: str, text: str) -> str:
    """Return the HTML of a page in which each part says how high it is."""
    heights = measured().get(page, {})

    def tell(opening: re.Match[str]) -> str:
        if opening[1] not in heights:
            return opening[0]
        phone, desktop = heights[opening[1]]
        return f'{opening[0]} style="--phone: {phone}px; --desktop: {desktop}px"'

    return OPENING.sub(tell, text)


def measure() -> dict[str, dict[str, list[int]]]:
    """Measure the parts of all pages of the built site."""
    from tools.site import browser  # building the site needs none

    found: dict[str, dict[str, list[int]]] = {}
    with browser.launched() as chromium:
        for page in project.pages():
            name = page.relative_to(project.ROOT).with_suffix("").as_posix()
            sizes = []
            for width in WIDTHS:
                shown = chromium.new_page(viewport={"width": width, "height": 900})
                shown.goto((project.BUILD / "html" / f"{name}.html").as_uri())
                shown.wait_for_function("!document.querySelector('.without-letters')")
                sizes.append(shown.evaluate(MEASURE, [PARTS, STEP]))
                shown.close()
            narrow, wide = sizes
            if narrow:
                found[name] = {part: [narrow[part], wide[part]] for part in narrow}
    return found


def main() -> int:
    """Measure, and write what was found."""
    lines = [
        f"{json.dumps(page)}: {{\n"
        + ",\n".join(f"  {json.dumps(part)}: {pair}" for part, pair in parts.items())
        + "\n}"
        for page, parts in measure().items()
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{FILE.relative_to(project.ROOT)}: {len(lines)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
