from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragpress.answer_settings import AccessSettings
from ragpress.errors import SettingsError
from retrieval.access import ANYBODY, OPERATOR, AccessRules, Principal

SOURCES = ["docs/hr/pay/list.md", "docs/hr/leave.md", "docs/public/a.md", "docs/hr/pay/public.md", "readme.md"]
HR = Principal(frozenset({"hr"}))
RULES: dict[str, tuple[str, ...]] = {
    "docs/hr/**": ("hr",),
    "docs/hr/pay/**": ("payroll",),
    "**/public.md": ("everyone",),
}


def readable(rules: dict[str, tuple[str, ...]], principal: Principal, *default: str) -> list[str]:
    access = AccessRules(AccessSettings(default=default or ("everyone",), rules=rules))
    mask = access.readable(principal, SOURCES)
    assert mask.shape == (len(SOURCES),)
    return [source for source, may in zip(SOURCES, mask.tolist(), strict=True) if may]


def test_the_last_rule_that_matches_counts() -> None:
    assert readable(RULES, HR) == ["docs/hr/leave.md", "docs/public/a.md", "docs/hr/pay/public.md", "readme.md"]
    assert readable(RULES, Principal(frozenset({"payroll"}))) == [
        "docs/hr/pay/list.md",
        "docs/public/a.md",
        "docs/hr/pay/public.md",
        "readme.md",
    ]
    assert readable(RULES, ANYBODY) == ["docs/public/a.md", "docs/hr/pay/public.md", "readme.md"]
    assert "docs/hr/pay/list.md" in readable(dict(reversed(RULES.items())), HR)


def test_what_no_rule_names_is_for_the_default_groups() -> None:
    assert readable({}, ANYBODY) == SOURCES
    assert readable({}, ANYBODY, "staff") == []
    assert readable({}, Principal(frozenset({"staff"})), "staff") == SOURCES


def test_no_group_at_all_shuts_everybody_out_but_the_operator() -> None:
    assert readable({"**": ()}, Principal(frozenset({"hr", "everyone"}))) == []
    assert readable({"**": ()}, OPERATOR) == SOURCES


def test_a_line_break_in_a_name_hides_nothing() -> None:
    access = AccessRules(AccessSettings(rules={"docs/hr/**": ("hr",), "*.key": ("keys",)}))
    assert access.readable(ANYBODY, ["docs/hr/a\nb.md", "docs/a\n.key", "docs/a.key\nx"]).tolist() == [
        False,
        False,
        True,
    ]


def test_no_documents_at_all() -> None:
    assert AccessRules(AccessSettings(rules=RULES)).readable(HR, []).shape == (0,)


@pytest.mark.parametrize("pattern", ["!docs/hr/**", "\\", "# hr", "", "/", "[a-"])
def test_a_pattern_that_can_match_nothing_names_its_rule(pattern: str) -> None:
    with pytest.raises(SettingsError) as error:
        AccessRules(AccessSettings(rules={"docs/**": ("hr",), pattern: ("hr",)}))
    assert repr(pattern) in str(error.value)
    assert "gitignore" in str(error.value)


GROUPS = st.frozensets(st.sampled_from(["a", "b", "everyone"]))
PATTERNS = st.sampled_from(["docs/**", "docs/hr/", "*.md", "pay", "docs/*/a.md", "readme.md", "/docs/hr/*", "none"])


@settings(deadline=None)
@given(st.dictionaries(PATTERNS, GROUPS, max_size=5), GROUPS, GROUPS)
def test_any_rules_read_from_the_last_to_the_first(
    rules: dict[str, frozenset[str]], default: frozenset[str], groups: frozenset[str]
) -> None:
    from pathspec import GitIgnoreSpec

    access = AccessRules(
        AccessSettings(default=tuple(default), rules={name: tuple(own) for name, own in rules.items()})
    )
    for source, may in zip(SOURCES, access.readable(Principal(groups), SOURCES).tolist(), strict=True):
        named = [own for name, own in rules.items() if GitIgnoreSpec.from_lines([name]).match_file(source)]
        assert may == bool((named[-1] if named else default) & (groups | {"everyone"}))
