"""Build the Chinese edition under the English site: `python -m tools.site.chinese_edition`."""

import os
import shutil
import sys

from tools.book import project
from tools.chinese import pages


def main() -> int:
    """Build it; return 0 if there was no warning."""
    pages.read_in_chinese()
    from tools.site import build, edition

    out = project.built() / "html"
    status = build.run_sphinx(out, **edition.settings())
    if status == 0:
        for name in ("404.html", "sitemap.xml"):  # those of the English site serve both
            (out / name).unlink(missing_ok=True)
        place = build.HTML / pages.LANGUAGE
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(out, place, copy_function=os.link)
    return status


if __name__ == "__main__":
    sys.exit(main())
