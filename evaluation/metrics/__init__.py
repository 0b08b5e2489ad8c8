"""Metrics: pure functions of a case and of what a release made of it, under the field's names."""
