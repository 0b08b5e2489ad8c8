"""ragpress: continuous publishing for RAG.

This package holds what every stage shares (types, errors, settings, fingerprints, storage) and the
command line. The stages are the packages ``ingest``, ``index`` and ``retrieval``.
"""

__version__ = "0.1.0"
