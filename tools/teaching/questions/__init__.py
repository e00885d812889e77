"""Fresh questions: a template is data and one function, and draws a question for each seed.

`question` says what a question is; the templates stand in `beginnings`, `memory`, `adam`, `rates`
and `networks`, in the order of the book. A new one is a function with `@template` there; nothing
else is to be done.
"""

from tools.teaching.questions import beginnings, memory, adam, rates, networks  # noqa: F401, I001 (the order of the book)
from tools.teaching.questions.question import TEMPLATES, Question, Template

__all__ = ["TEMPLATES", "Question", "Template"]
