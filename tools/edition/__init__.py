"""The book as one file: `pdf` prints the site, `epub` packs it; both read it by `pages`."""
