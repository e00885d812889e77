"""The Chinese edition: pages of the book with their prose translated, and nothing else of them.

`messages` divides a page into messages, `catalogues` keeps their translations in `locale/zh`,
`check` says what a translation may not change, `pages` writes the translated sources.
"""
