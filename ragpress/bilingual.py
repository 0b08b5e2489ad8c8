"""Texts in English and in Chinese: one of the two is said, filled in. Whoever has such texts keeps a table of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Language: TypeAlias = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, Language]] = ("en", "zh")

Texts: TypeAlias = tuple[str, str]
"""A text in English and in Chinese, with ``{names}`` for what is filled in."""


def filled(language: Language, texts: Texts, values: Mapping[str, object]) -> str:
    """A text in one language, filled in.

    Args:
        language: ``en`` or ``zh``.
        texts: the text in both.
        values: what stands in its places.
    """
    return in_language(language, texts).format_map(values)


def in_language(language: Language, texts: Texts) -> str:
    """A text in one language as it stands."""
    return texts[language == "zh"]
