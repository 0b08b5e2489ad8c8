"""Comparing two releases, or the live one with a change: paired by case, with the reasons for what changed."""
