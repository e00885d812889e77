"""What a monitor found, as text, JSON, a page of HTML or a picture."""

import html
import io
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from descent import _files as files
from descent.monitor._kinds import Finding
from descent.monitor._measures import Row
from descent.report import Table

SCHEMA = 1
"""The version of what `as_json` returns: `schema.json` describes it."""

PLOTS = (
    ("learning rate η", ("lr",)),
    ("update to weight ‖Δ‖/‖x‖", ("ratio",)),
    ("effective step", ("effective",)),
    ("norm of the gradient", ("gradient",)),
    ("signal to noise |m̂|/√v̂", ("signal",)),
    ("g² against v̂", ("age",)),
    ("share: ε > √v̂, and weights that stay", ("eps_share", "still")),
    ("preconditioned sharpness and limit", ("sharpness", "limit")),
)
"""The panels: a title, and the measures in it."""

FORMS = (".html", ".json", ".png", ".txt")
"""What the name of a report's file may end in."""

SHARES = ("eps_share", "still")


@dataclass(frozen=True)
class Report:
    """What a monitor found until now.

    Attributes:
        optimizer: the name of its class.
        every: steps from one look to the next.
        steps: seen.
        rows: what each look found, a row for each group.
        findings: the warnings.
        notes: what could not be looked at, and why.
    """

    optimizer: str
    every: int
    steps: int
    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join([self.summary(), *([repr(self._table())] if self.rows else [])])

    def summary(self) -> str:
        """Return the warnings and notes as text, a line each under a head."""
        lines = [self._title(), *(f"- {found}" for found in self.findings)]
        return "\n".join(lines + [f"- note: {note}" for note in self.notes])

    def _title(self) -> str:
        count = len(self.findings)
        words = {0: "no warnings", 1: "1 warning"}.get(count, f"{count} warnings")
        return f"{self.optimizer}, {self.steps} steps, looked at every {self.every}: {words}"

    def _last(self) -> list[Row]:
        """Return the last row of each group."""
        return list({row.group: row for row in self.rows}.values())

    def _table(self) -> Table:
        names = ("step", "t", "lr", "ratio", "effective", "eps_share", "signal", "age", "still")
        rows = [[row.group, *(_shown(getattr(row, n)) for n in names)] for row in self._last()]
        return Table(["group", *names], rows, digits=3)

    def as_json(self) -> str:
        """Return the report as JSON, as `schema.json` has it; what is no number is null."""
        content = {
            "schema": SCHEMA,
            "optimizer": self.optimizer,
            "every": self.every,
            "steps": self.steps,
            "findings": [asdict(f) | {"address": f.address} for f in self.findings],
            "notes": self.notes,
            "rows": [asdict(row) for row in self.rows],
        }
        return json.dumps(files.finite(content), indent=1, ensure_ascii=False, allow_nan=False)

    def as_html(self, book: str | None = None) -> str:
        """Return the report as one page that needs nothing else.

        Args:
            book: the address of the book's site, for links to its formulas.
        """
        warnings = "".join(_item(found, book) for found in self.findings)
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        body = f"<h1>{html.escape(self._title())}</h1>"
        body += f"<h2>Warnings</h2><ul>{warnings}</ul>" if warnings else "<p>No warnings.</p>"
        body += f"<h2>Notes</h2><ul>{notes}</ul>" if notes else ""
        if self.rows:
            inline = self._svg[self._svg.index("<svg") :].replace(
                "<svg", f'<svg role="img" aria-label="{html.escape(self._alt())}"', 1
            )
            body += f"<h2>Measures</h2><figure>{inline}</figure>"
            body += f"<h2>Last look</h2><div>{self._table()._repr_html_()}</div>"
        return PAGE.format(title=html.escape(self._title()), body=body)

    def _alt(self) -> str:
        titles = ", ".join(title for title, _ in self._panels())
        return f"Panels against the step, a line for each group: {titles}"

    def as_png(self) -> bytes:
        """Return the plots as a picture."""
        return self._picture("png")

    def _panels(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the panels of which something was measured."""
        return [
            (title, names)
            for title, names in PLOTS
            if any(getattr(row, n) is not None for row in self.rows for n in names)
        ]

    @cached_property
    def _svg(self) -> str:
        return self._picture("svg").decode()

    def _picture(self, form: str) -> bytes:
        """Draw all panels; nothing of the caller's figures or their look is changed."""
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        from descent import plotting

        look = plotting.STYLE | {"font.size": 9, "svg.hashsalt": "descent"}
        with matplotlib.rc_context(look):
            panels = self._panels()
            rows = max(1, -(-len(panels) // 2))
            figure = Figure(figsize=(9.6, 2.4 * rows), layout="constrained")
            FigureCanvasAgg(figure)
            axes = figure.subplots(rows, 2, squeeze=False).flat
            for ax in list(axes)[len(panels) :]:
                ax.axis("off")
            for ax, (title, names) in zip(figure.axes, panels, strict=False):
                self._draw(ax, title, names)
            return _saved(figure, form)

    def _draw(self, ax: Any, title: str, names: tuple[str, ...]) -> None:
        several = len({row.group for row in self.rows}) > 1
        drawn: list[float] = []
        for group in dict.fromkeys(row.group for row in self.rows):
            for name in names:
                pairs = [(r.step, getattr(r, name)) for r in self.rows if r.group == group]
                known = [(t, y) for t, y in pairs if y is not None and math.isfinite(y)]
                if known:
                    label = ", ".join([group] * several + [name] * (len(names) > 1))
                    ax.plot(*zip(*known, strict=True), label=label, marker=".")
                    drawn += [value for _, value in known]
        for found in self.findings:
            ax.axvline(found.since, color="0.5", linewidth=0.8)
        ax.set(title=title, xlabel="step")
        if names == SHARES:
            ax.set_ylim(-0.05, 1.05)
        elif any(value > 0 for value in drawn):
            ax.set_yscale("log")
        if several or len(names) > 1:
            ax.legend(fontsize=7)

    @staticmethod
    def check(path: str | Path) -> None:
        """Require a path that `write` takes, before a run depends on it.

        Raises:
            ValueError: it ends in something else, or its folder cannot be written to.
        """
        path = Path(path)
        if path.suffix not in ("", *FORMS) and not path.is_dir():
            raise ValueError(f"path must be a folder or end in {', '.join(FORMS)}, got {path}")
        files.check_writable(path)

    def write(self, path: str | Path) -> list[Path]:
        """Write the report, each file whole or not at all, and return the files.

        Args:
            path: ends in .html, .json, .png or .txt, or is a folder, which gets one of each and is
                made if it is not there.

        Raises:
            ValueError: it ends in something else, or its folder cannot be written to.
        """
        path = Path(path)
        self.check(path)
        forms = self._forms()
        if path.suffix in forms and not path.is_dir():
            content = forms[path.suffix]()
            files.write(path, lambda file: file.write(content))
            return [path]
        path.mkdir(parents=True, exist_ok=True)
        paths = [path / f"monitor{suffix}" for suffix in forms]
        return [self.write(one)[0] for one in paths]

    def _forms(self) -> dict[str, Callable[[], bytes]]:
        return {
            ".html": lambda: self.as_html().encode(),
            ".json": lambda: (self.as_json() + "\n").encode(),
            ".png": self.as_png,
            ".txt": lambda: f"{self}\n".encode(),
        }


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.2rem; }}
figure {{ margin: 0; }} svg {{ width: 100%; height: auto; }}
div {{ overflow-x: auto; }} table {{ border-collapse: collapse; }}
th, td {{ padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; }} li {{ margin-bottom: 0.7rem; }}
</style></head><body>{body}</body></html>
"""


def _item(found: Finding, book: str | None) -> str:
    address = html.escape(found.address)
    link = f"<code>{address}</code>"
    if book:
        link = f'<a href="{html.escape(book.rstrip("/"))}/{address}">{address}</a>'
    return (
        f"<li><strong>{html.escape(found.kind)}</strong>, {html.escape(found.group)}, since step "
        f"{found.since}: {html.escape(found.what)}.<br>Formula {link}.<br>"
        f"Try first: {html.escape(found.first)}.</li>"
    )


def _shown(value: float | None) -> Any:
    return "–" if value is None else value


def _saved(figure: Any, form: str) -> bytes:
    file = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else None
    figure.savefig(file, format=form, metadata=metadata, dpi=150)
    return file.getvalue()
