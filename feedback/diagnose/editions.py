"""Older editions among the passages that keep the right answer out, though the bad answer need not quote them."""

from __future__ import annotations

from feedback.diagnose.conflicts import conflict_between, side
from feedback.diagnose.observation import Conflict, Expected
from feedback.diagnose.scene import Scene
from feedback.diagnose.whatif import without
from feedback.records import Holder

_LOOKED_AT = 3
_ALIKE = 0.1


def in_the_way(scene: Scene, expected: Expected, live: Holder | None) -> Conflict | None:
    """The older edition of the document that holds the right answer, without which that is answered; None if none is.

    Args:
        scene: the bad answer and its release.
        expected: what is said to be right.
        live: the place that says it.
    """
    if live is None or not live.exact or not expected.claimed or not expected.text:
        return None
    question = scene.question.text
    right = side(scene.subject, scene.history, question, live.document_id, live.quote)
    others = dict.fromkeys(item.document_id for item in scene.answer.context if item.document_id != live.document_id)
    for document_id in list(others)[:_LOOKED_AT]:
        wrong = side(scene.subject, scene.history, question, document_id, "")
        if right is None or wrong is None:
            continue
        found = conflict_between(scene.subject, scene.judge, question, wrong, right)
        if found.order != "older" or found.alike < _ALIKE:
            continue
        answer = without(scene.bench, scene.subject, scene.question, (wrong.source,))
        if answer is not None and scene.judge.is_right(answer, expected):
            return found
    return None
