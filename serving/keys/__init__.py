"""API keys and their limits.

- ``ring``: :class:`~serving.keys.ring.KeyRing`: makes, finds and revokes keys; only their hashes are stored.
- ``tokens``: the text of a key; ``records``: what is stored of it.
- ``limits``: :class:`~serving.keys.limits.Limits`: requests and tokens of each key per minute, over all processes of a
  machine; ``buckets`` has the arithmetic, ``slots`` the shared file.
- ``attempts``: :class:`~serving.keys.attempts.Attempts`: wrong keys of each address per minute.
"""
