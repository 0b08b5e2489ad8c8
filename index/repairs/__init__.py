"""Repairs: small text files in ``repairs/`` that are inputs of the pipeline, like the documents are.

A person can read, review, revert and version them. :mod:`index.repairs.records` holds their kinds,
:mod:`index.repairs.files` reads and writes them.
"""
