"""Retrieval: from a question to ranked chunks of one release.

Takes: an open release, an embedder, the question. Gives: hits with every stage's rank and score.

- ``fuse``: two rankings become one. ``scripts``: several writing systems in one collection.
- ``search``: dense and lexical candidates, fused and cut to k.
"""
