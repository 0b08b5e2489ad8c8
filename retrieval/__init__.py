"""Retrieval: from a question to ranked chunks of one release, and to the passages that a generator reads.

Takes: an open release, an embedder, the question, who asks, which documents are wanted. Gives: hits with every stage's
rank and score, an explanation, or a context.

- ``search``: ``Searcher``, the way in: ``search``, ``explain``, ``context``; its records are in ``hits``.
- ``scope``: what a caller may read and wants, as rows; from ``access`` (rules), ``filters``, ``placement`` and
  ``patterns``.
- ``passes``: one question's stages: ``query`` (its vector), both searches, ``fuse``, ``scripts`` (several writing
  systems), ``rerank`` (``cross_encoder``, ``rerank_server``), ``collapse`` (near-duplicates, by ``shingles``).
- ``context``: caps, the token budget, passages; ``neighbours``: the chunks around a chunk.
- ``rows``: rows by position. ``cache``: question vectors and results, keyed by what the caller may read.
- ``live``: whichever release is live. ``langchain``: a retriever for LangChain's chains.
"""
