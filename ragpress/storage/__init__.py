"""Storage: immutable objects, one pointer per collection, and the only module that writes to disk.

Takes: a data directory (a local folder or ``s3://bucket/prefix``). Gives: a :class:`Store`.

- ``store``: the Protocol that every store fulfils, and ``open_store``.
- ``local``: a folder. ``s3``: an S3-compatible service.
- ``disk``: every durable write, fsync, rename and unlink goes through it.
- ``lease``: the one-writer lock of a collection.
- ``keys``: which keys a store accepts.
"""

from ragpress.storage.store import Pointer, Store, StoredFile, open_store

__all__ = ["Pointer", "Store", "StoredFile", "open_store"]
