"""Bytes in, text with structure out: one parser per family of formats, run in worker processes.

Takes a file (its type is decided from its content) and ``ParseSettings``; gives a ``ParsedDocument`` or a
``ParseError`` that a person can act on. ``ingest.parse.pool`` runs the parsers under limits of time and memory;
``ingest.parse.registry`` runs one in this process. Nothing heavy is imported before a document needs it.
"""
