"""Groups texts that say (nearly) the same: equal embedding keys, or similar sets of word shingles.

The similarity is the Jaccard index of the sets of runs of three words (Broder, "On the resemblance and containment of
documents", 1997), computed exactly. A text joins the first group whose first text it is similar to, so groups depend
only on the order in which texts come, which is the order of their ranks.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from index.row_filter import RowFilter
from retrieval.hits import Place, Ranking
from retrieval.rows import ReleaseRows
from retrieval.shingles import Shingles, similarity


class Families:
    """Numbers texts by the family they belong to, from 0, in the order of each family's first text.

    Args:
        threshold: similarity to a family's first text from which a text belongs to it; above 1 nothing is similar.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._by_key: dict[bytes, int] = {}
        self._firsts: list[Shingles] = []

    def __len__(self) -> int:
        return len(self._firsts)

    def known(self, key: bytes) -> int | None:
        """The family of a text by its embedding key alone; None when no text of this key came yet."""
        return self._by_key.get(key) if self._threshold <= 1 else None

    def add(self, key: bytes, shingled: Shingles) -> int:
        """The number of the family of a text, which is a new one when it is similar to none.

        Args:
            key: equal only for equal texts.
            shingled: the text's shingles.
        """
        found = self.known(key)
        if found is None:
            found = self.find(shingled)
            if found is None:
                self._firsts.append(shingled)
                found = len(self._firsts) - 1
            self._by_key[key] = found
        return found

    def find(self, shingled: Shingles, among: Container[int] | None = None) -> int | None:
        """The family of a text, of some or of all; None when it is similar to none of them so far."""
        for number, other in enumerate(self._firsts):
            if among is not None and number not in among:
                continue
            if self._may_reach(len(shingled), len(other)) and similarity(shingled, other) >= self._threshold:
                return number
        return None

    def _may_reach(self, size: int, other: int) -> bool:
        return min(size, other) >= self._threshold * max(size, other)


class Group(msgspec.Struct, frozen=True):
    """Candidates that become one hit.

    Attributes:
        place: the best ranked of them whose document no newer one replaces; the best ranked where all are outdated.
        score: its fused score.
        key: its embedding key.
        shingled: shingles of its text.
        copies: the others, best first.
    """

    place: Place
    score: float
    key: bytes
    shingled: Shingles
    copies: list[Place]


def collapse(order: Ranking, wanted: int, threshold: float, rows: ReleaseRows, scope: RowFilter) -> list[Group]:
    """The first groups of a ranking.

    Candidates behind the last group that was wanted still count as copies when their embedding key is that of a
    group's member; they are not compared further.

    Args:
        order: candidates, best first.
        wanted: the most groups.
        threshold: see :class:`Families`.
        rows: gives keys and texts of candidates.
        scope: what the caller may find.
    """
    families = Families(threshold)
    groups: list[Group] = []
    for place, score in order:
        key = rows.text_key(place)
        number = families.known(key)
        if number is None and len(groups) < wanted:
            shingled = rows.shingled(place)
            number = families.add(key, shingled)
            if number == len(groups):
                groups.append(Group(place, score, key, shingled, []))
                continue
        if number is not None:
            groups[number].copies.append(place)
    return [_current_first(group, rows, scope) if group.copies else group for group in groups]


def _current_first(group: Group, rows: ReleaseRows, scope: RowFilter) -> Group:
    """The same group, seen by a member that is not outdated where there is one."""
    members = [group.place, *group.copies]
    current = next((place for place in members if not rows.outdated(place, scope)), group.place)
    if current == group.place:
        return group
    members.remove(current)
    return msgspec.structs.replace(group, place=current, copies=members)
