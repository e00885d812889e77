"""The book can be cited by machine and by hand."""

import json
from pathlib import Path

import jsonschema
import pytest
from pybtex.database import parse_string

from tools import citation

SCHEMA = Path(__file__).parents[1] / "cff-1.2.0.schema.json"
"""The schema of the Citation File Format, by its authors, CC BY 4.0."""


def cff():
    """Return the file as JSON: YAML reads a date as one."""
    return json.loads(json.dumps(citation.cff(), default=str))


def test_the_citation_file_is_valid():
    jsonschema.validate(cff(), json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_a_citation_file_without_authors_is_not():
    broken = {key: value for key, value in cff().items() if key != "authors"}
    with pytest.raises(jsonschema.ValidationError, match="authors"):
        jsonschema.validate(broken, json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_an_entry_has_version_date_and_address():
    text = citation.bibtex("key", "Title", "https://example.org/#x")
    fields = parse_string(text, "bibtex").entries["key"].fields
    assert fields["url"] == "https://example.org/#x"
    assert citation.version() in fields["note"] and citation.date() in fields["note"]
