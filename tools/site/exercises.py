"""Number the exercises of each chapter: "Exercise 2. Read the map".

sphinx-exercise numbers them over the whole book and leaves the number to numbered figures, which
the book has not. A number may change as a chapter does; the id of an exercise is permanent.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import exercise_enumerable_node, solution_node

from tools.book import project


class NumberExercises(SphinxPostTransform):
    """Give exercises and solutions their titles, after sphinx-exercise put those together."""

    default_priority = 23

    def run(self, **kwargs: Any) -> None:
        """Number the exercises of a page, and name each solution after its exercise."""
        numbers: dict[str, int] = {}
        for node in self.document.findall(exercise_enumerable_node):
            numbers[node["label"]] = len(numbers) + 1
            self.name(node[0], project.said("Exercise {}").format(len(numbers)))
        for node in self.document.findall(solution_node):
            node[0][0] = nodes.Text(project.said("Solution to "))
            for link in node[0].findall(nodes.reference):
                number = numbers[node["target_label"]]
                self.name(link, project.said("Exercise {}").format(number))

    def name(self, title: nodes.Element, called: str) -> None:
        """Put a name in the place of what sphinx-exercise calls it; what it is about stays."""
        texts = [child.astext() for child in title.children]
        about = title.children[texts.index(" (") + 1 : -1] if " (" in texts else []
        title.children = []
        title += [nodes.Text(f"{called}. " if about else called), *about]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_post_transform(NumberExercises)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
