"""One rule of the book in the loops of others: each module's `train()` returns the last losses."""
