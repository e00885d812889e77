"""Finding the certificates of theorems: `write` writes them, `worst_cases` asks PEPit beside them.

`descent.certificates` checks them and needs nothing from here.
"""
