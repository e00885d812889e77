"""From a chapter to its notebook: `generate` makes and runs it, `commonmark` sets its prose."""
