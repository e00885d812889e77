"""From Python to JavaScript: the rules on the site are the package's own, translated.

Start with `translate`, which takes modules, classes and functions; `expressions` has what stands in
them, `javascript` what it knows of both languages, `names` which names a function sets. What has no
translation is an error with its file, line and construct.
"""
