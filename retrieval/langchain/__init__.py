"""LangChain over releases: a retriever for its chains, and its rerankers as rerankers of ragpress.

Takes: an open release's searcher, or an object of LangChain. Gives: LangChain Documents, or scores.

- ``retriever``: ``RagpressRetriever``, a ``BaseRetriever``.
- ``rerankers``: ``CompressorReranker``, ``CrossEncoderReranker``.
"""
