"""Store the numbers of the proofs."""

from tools.book.proofs.stored import main

main()
