"""The site: `build` runs Sphinx with the extensions that lie here, one for each feature.

`formula` sets formulas, `sheet` and `downloads` the formula sheet, `errata`, `marks`, `api`,
`playground`, `search`, `changes` their pages; `finish` and `purge` make pages light, and `depend`
says what is read anew. Editions and checks may import from here.
"""
