"""Keeps records and says so on standard output, one id a line, until it is killed: ``python -m … FOLDER``."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import msgspec

from ragpress.storage.journal import Journal
from ragpress.storage.record_ids import new_record_id

THREADS = 6


def main(folder: Path) -> None:
    """Write from some threads; files are small, so that rotation is among what is interrupted."""
    journal = Journal(folder, file_bytes=20_000)
    threads = [threading.Thread(target=_write, args=(journal, number)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _write(journal: Journal, number: int) -> None:
    while True:
        record_id = new_record_id()
        journal.append(msgspec.json.encode({"id": record_id, "text": "茶" * (number * 40)})).result()
        os.write(1, f"{record_id}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
