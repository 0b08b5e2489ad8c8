"""Importing cases: SQuAD, BEIR, tables and JSON lines are read as drafts, matched to the live release, and kept."""
