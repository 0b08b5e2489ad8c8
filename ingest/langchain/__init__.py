"""LangChain's embeddings, loaders and splitters as parts of ragpress, and ragpress's embedder as LangChain's.

Takes: an object of LangChain (or one that has its methods). Gives: what ragpress's own protocols ask for.

- ``embeddings``: ``LangChainEmbedder`` and, the other way, ``RagpressEmbeddings``.
- ``loaders``: ``LoaderParser``, a parser plugin out of a loader or blob parser.
- ``splitters``: ``SplitterChunker``, a chunker plugin out of a text splitter.
"""
