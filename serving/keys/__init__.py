"""API keys and their limits.

- ``ring``: :class:`~serving.keys.ring.KeyRing`: makes, finds and revokes keys; only their hashes are stored.
- ``limits``: :class:`~serving.keys.limits.Limits`: requests and tokens of each key per minute, over all processes.
"""
