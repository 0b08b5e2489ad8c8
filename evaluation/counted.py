"""Numbers with their nouns in English: "1 case", "2 cases"."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number with its noun, which takes an ``s`` beside any number but 1."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def agreeing(count: int, one: str, more: str) -> str:
    """The form of a word that agrees with a number: ``one`` beside 1, else ``more``."""
    return one if count == 1 else more
