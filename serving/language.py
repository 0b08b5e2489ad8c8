"""The language an answer is written in: that of the question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.language import UNDETERMINED, language
from serving.types import Turn

DEFAULT = "en"
_NAMES = {
    "ar": "Arabic", "bn": "Bengali", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese (中文)",
}  # fmt: skip
_HAN = re.compile("[\u3400-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")


def answer_language(question: str, history: Sequence[Turn] = ()) -> str:
    """ISO code of the language to answer in: the question's, else that of earlier questions, else English.

    A question with a Chinese character and no kana is Chinese, whatever names in Latin letters stand beside it.
    """
    asked = [question, *(turn.content for turn in reversed(history) if turn.role == "user")]
    for text in asked:
        if _HAN.search(text) and not _KANA.search(text):
            return "zh"
        found = language(text)
        if found != UNDETERMINED:
            return found
    return DEFAULT


def language_name(code: str) -> str:
    """What a prompt calls a language: its English name, or the code where ragpress knows none."""
    return _NAMES.get(code) or _NAMES.get(code.partition("-")[0]) or code
