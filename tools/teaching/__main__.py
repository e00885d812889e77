"""Make the teacher's shelf: `python -m tools.teaching`, or a part of it by name.

`python -m tools.teaching sheet --title "Week 3" exercise-adam-read:5 exercise-momentum-map` writes
one sheet of chosen exercises, `python -m tools.teaching questions adam --seeds 7 8` fresh questions
of a chapter.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.book import project
from tools.site.shelf import FOLDER
from tools.teaching import assignments, banks, cheat_sheet, figures, sheets, shelf, slides

PARTS: dict[str, Callable[[Path], None]] = {
    "sheets": lambda folder: sheets.write(sheets.of_chapters(), folder),
    "questions": banks.write,
    "assignments": assignments.write,
    "slides": lambda folder: slides.write(slides.pages(), folder),
    "figures": lambda folder: figures.write(project.chapters(), folder),
    "cheat-sheet": cheat_sheet.write,
}
"""What writes each part of the shelf into its folder."""


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.teaching", description=__doc__)
    parser.add_argument("part", nargs="?", choices=[*PARTS, "sheet"], help="default: all parts")
    parser.add_argument("ids", nargs="*", help="ids of exercises, or the chapter of questions")
    parser.add_argument("--title", default="Exercises", help="of a sheet")
    parser.add_argument("--name", default="sheet", help="of the files of a sheet")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(banks.SEEDS))
    parser.add_argument("--out", type=Path, default=FOLDER)
    return parser.parse_args()


def chosen(asked: argparse.Namespace) -> None:
    """Write one sheet, or the questions of some chapters."""
    if asked.part == "sheet":
        sheets.write([sheets.sheet(asked.name, asked.title, asked.ids)], asked.out)
    else:
        banks.write(asked.out, asked.ids, asked.seeds)


def main() -> int:
    """Write what is asked for; return 0 if all went well."""
    asked = options()
    try:
        if asked.ids or asked.part == "sheet":
            chosen(asked)
            print(f"Written to {asked.out}")
            return 0
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for part in [asked.part] if asked.part else PARTS:
        start = time.perf_counter()
        PARTS[part](asked.out / part)
        print(f"{part} ({time.perf_counter() - start:.0f} s)", flush=True)
    shelf.list_files(asked.out)
    print(f"The shelf is filled: {asked.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
