"""The tools that make the book, check it and pack it; the package `descent` needs none of them.

`install` sets up environments and writes the lock. `book` reads what the book says: pages,
formulas, errata, claims, references; no Sphinx. `chinese` translates pages, `notebook` makes a
notebook of each chapter, `translation` JavaScript of the package's rules. `site` builds the site
with Sphinx, `edition` makes PDF and EPUB of it, `teaching` what a lecturer takes along.
`certificates` writes the certificates of theorems. `check` holds what takes longer than a test. A
room imports from those before it alone;
`tests/tools/test_layout.py` holds that.
"""
