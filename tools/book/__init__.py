"""What the book says, without Sphinx: where to start is `project` (paths, pages), then `catalogue`.

`myst` reads pages, `references` the bibliography, `errata` and `proofs` the errata, `claims` the
claims, `lock_formulas` the lock, `printed` and `verified` what is tested of the formulas. All other
tools may import from here; here nothing of theirs is imported.
"""
