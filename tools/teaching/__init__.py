"""The teacher's shelf: sheets, fresh questions, graded notebooks, slides, figures, a cheat sheet.

All of it is made of what the book and the package hold: `python -m tools.teaching` writes it to
`_build/teaching`. `exercises` reads the chapters' exercises, `questions` draws new ones, `document`
turns Markdown into HTML, PDF, LaTeX and Word.
"""
