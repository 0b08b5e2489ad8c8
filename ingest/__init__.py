"""Ingest: from source files to chunks with vectors.

Takes: source folders and the settings. Gives, per document: a parsed text with elements, a cleaned
text, audit marks, chunk spans, and a unit vector per chunk. Every step is a pure function, memoised
by its fingerprint.

- ``sources``, ``stat_cache``, ``plan``: what changed since the parent release.
- ``parse``: bytes to text, in worker processes. ``clean``, ``audit``, ``chunk``: text to spans.
- ``embed``: texts to vectors. ``memo``: results of steps that were computed before.
"""
