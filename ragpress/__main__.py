"""``python -m ragpress`` is the command ``ragpress``."""

from ragpress.cli import main

main()
