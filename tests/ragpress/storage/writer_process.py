"""A process that asks for a writer lock each time its standard input says so.

Usage: python -m tests.ragpress.storage.writer_process DATA_FOLDER
A line ``try`` asks for the lock and is answered ``won`` or ``busy: MESSAGE``; what was won is held until the next line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ragpress.errors import WriterBusyError
from ragpress.storage import Store, open_store


def attempt(store: Store) -> None:
    """Ask once; hold what was won until the next line."""
    try:
        with store.writer("docs", 0):
            print("won", flush=True)
            sys.stdin.readline()
    except WriterBusyError as error:
        print(f"busy: {error}", flush=True)
        sys.stdin.readline()


def main(folder: Path) -> None:
    """Serve the lines of standard input."""
    store = open_store(str(folder), folder)
    print("ready", flush=True)
    while sys.stdin.readline().strip() == "try":
        attempt(store)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
