"""Whether one text affirms what another one negates, clause by clause.

A sentence says several things, and a negation in one of its clauses says nothing of the others: "at least 14
characters, not the same as elsewhere" does not negate "at least 14 characters".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from serving.evidence.sentences import split_sentences
from serving.evidence.terms import negations, stems_of, terms_of
from serving.evidence.texts import plain

# From this coverage on two sentences speak of the same, and a negation in one of them contradicts.
_SAME_WORDS = 0.6
_CLAUSE_END = re.compile(r"[，、;；:：]|,(?!\d)|\s[–—]\s|\b(?:but|although|though|whereas)\b|(?:但是?|而且?|虽然|尽管)")
# A clause that begins so speaks of what was said before it.
_ABOUT_IT = re.compile(r"^\s*(?:this|that|it) |^\s*(?:这|那|此)", re.IGNORECASE)


def negation_differs(answer: str, reference: str) -> float:
    """Share of the reference's sentences that the answer says too, but for a negation on one side.

    Of the answer's sentence that has most of the reference's words only those clauses are looked at that bring words
    of it; clauses without words of their own ("No, …") and those that speak of another one ("…, that is not so") count
    with it.
    """
    said = [(text, frozenset(stems_of(text))) for text in _sentences(answer)]
    met = differing = 0
    for sentence in _sentences(reference):
        terms = terms_of(sentence)
        found = [(terms.coverage(stems), text) for text, stems in said]
        best = max((covered for covered, _ in found), default=0.0)
        if best >= _SAME_WORDS:
            met += 1
            polarity = negations(sentence) > 0
            nearest = (text for covered, text in found if covered == best)
            differing += not any(_negates(text, frozenset(terms.stems)) == polarity for text in nearest)
    return differing / met if met else 0.0


def _negates(sentence: str, wanted: frozenset[str]) -> bool:
    """Whether the clauses of a sentence that say what is wanted hold a negation."""
    clauses = [clause for clause in _CLAUSE_END.split(sentence) if clause.strip()]
    if not negations(sentence) or len(clauses) == 1:
        return negations(sentence) > 0
    held = [frozenset(stems_of(clause)) for clause in clauses]
    needed = _needed([stems & wanted for stems in held])
    return any(
        negations(clause) > 0
        for at, (clause, stems) in enumerate(zip(clauses, held, strict=True))
        if at in needed or not stems or _ABOUT_IT.match(clause)
    )


def _needed(shares: list[frozenset[str]]) -> set[int]:
    """The places of the sets that together have all that any has: the largest first, none that adds nothing."""
    left = frozenset[str]().union(*shares)
    chosen = set[int]()
    while left:
        at = max(range(len(shares)), key=lambda place: (len(shares[place] & left), -place))
        chosen.add(at)
        left -= shares[at]
    return chosen


def _sentences(text: str) -> Iterable[str]:
    return [plain(text[start:end]) for start, end in split_sentences(text)]
