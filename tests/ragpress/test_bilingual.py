"""One of two texts is said, filled in."""

from __future__ import annotations

import pytest

from ragpress.bilingual import LANGUAGES, Language, filled, in_language

TEXTS = ("{count:g} lamps", "{count:g} 盏灯")


def test_each_language_has_its_text() -> None:
    assert [in_language(language, TEXTS) for language in LANGUAGES] == list(TEXTS)
    assert [filled(language, TEXTS, {"count": 2.0, "spare": ""}) for language in LANGUAGES] == ["2 lamps", "2 盏灯"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_value_that_is_left_out_is_a_mistake_of_the_program(language: Language) -> None:
    with pytest.raises(KeyError, match="count"):
        filled(language, TEXTS, {})
