"""Tests of ingest.parse."""
