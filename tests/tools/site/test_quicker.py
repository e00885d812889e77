"""What makes the build quicker yields what docutils yields."""

import random

import pytest
from docutils import nodes

from tools.site import quicker

KINDS = (nodes.paragraph, nodes.container, nodes.section)


def tree(seed, depth=5):
    """Return a random tree of paragraphs, containers and sections with texts."""
    draw = random.Random(seed)
    node = draw.choice(KINDS)()
    for _ in range(draw.randrange(4) if depth else 0):
        node += tree(draw.random(), depth - 1) if draw.random() < 0.8 else nodes.Text("x")
    return node


CONDITIONS = {
    "all": None,
    "a class": nodes.paragraph,
    "a base": nodes.Element,
    "texts": nodes.Text,
    "a function": lambda node: len(node.children) == 1,
    "classes": lambda node: isinstance(node, nodes.section | nodes.container),
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("seed", range(20))
def test_the_same_nodes_are_found_in_the_same_order(seed, condition):
    root = tree(seed)
    for node in [root, *list(quicker.docutils_findall(root))]:
        for asked in ({}, {"include_self": False}, {"descend": False}, {"ascend": True}):
            ours = list(map(id, quicker.findall(node, condition, **asked)))
            assert ours == list(map(id, quicker.docutils_findall(node, condition, **asked)))


@pytest.mark.parametrize("seed", range(20))
def test_nodes_may_be_replaced_as_they_are_found(seed):
    trees = [tree(seed), tree(seed)]
    for root, find in zip(trees, (quicker.findall, quicker.docutils_findall), strict=True):
        for node in find(root, nodes.container):
            if node.parent:
                node.replace_self([nodes.section("", *node.children), nodes.paragraph()])
    assert trees[0].pformat() == trees[1].pformat()
