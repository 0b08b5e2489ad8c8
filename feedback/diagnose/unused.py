"""What answers a question better than all that is searched, and is not searched: where nobody said what is right."""

from __future__ import annotations

import re

from evaluation.cases.folding import fold
from evaluation.subjects import Subject
from feedback.diagnose.holders import find_holders
from feedback.diagnose.texts import DocumentTexts
from feedback.records import BadCase, Holder
from feedback.workbench import Workbench
from serving.types import Answer

_MOST = 50
_TAG = re.compile(r"<[^<>]{0,500}>")
_LEAST = 0.5
# Where nothing that is searched answers, a text that its parser does not even read is the best guess.
_HARDLY = 0.25
_BETTER = 0.02


def better_unused(bench: Workbench, subject: Subject, bad: BadCase, answer: Answer) -> tuple[Holder, ...]:
    """Places out of use that answer a question, best first, and better than all that is searched.

    Args:
        bench: releases and settings.
        subject: the release.
        bad: the question and its callers; nothing is claimed of the right answer.
        answer: the bad answer. Where it abstains nothing that is searched counts as an answer.
    """
    documents = DocumentTexts(bench, subject).documents
    shut_away = tuple(item.source for item in documents if item.state == "quarantined")[:_MOST]
    near = tuple(dict.fromkeys(passage.source for passage in answer.context))
    if not (*shut_away, *near):
        return ()
    found = find_holders(bench, subject, bad, "", (*shut_away, *near))
    texts = DocumentTexts(bench, subject)
    found = tuple(item for item in found if item.layer == "live" or not _searched(texts, item))
    live = max((item.score for item in found if item.layer == "live"), default=0.0)
    cited = {item.source for item in answer.citations}

    def answers(item: Holder) -> bool:
        # What a document that the answer cites says besides may be what it was to say.
        margin = -_BETTER if item.source in cited else _BETTER
        if answer.abstained and item.layer == "unparsed":
            return item.score >= _HARDLY
        return item.score >= (_LEAST if answer.abstained else max(_LEAST, live + margin))

    return tuple(item for item in found if item.layer != "live" and answers(item))


def _searched(texts: DocumentTexts, holder: Holder) -> bool:
    """Whether the document says the same in the text that is searched: then nothing of it is out of use."""
    document = texts.document(holder.source)
    if document is None or not document.searchable:
        return False
    words = fold(_TAG.sub(" ", holder.quote))
    return not words or words in fold(texts.live(document))
