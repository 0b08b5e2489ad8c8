"""What a correction claims, read beside all that is searched, or was, or lies unread in the files near the answer."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.cases.folding import FoldedText
from feedback.diagnose.claims import claimed
from feedback.diagnose.holders import layers_of
from feedback.diagnose.layers import ALWAYS
from feedback.diagnose.observation import Expected
from feedback.diagnose.scene import Scene

_FILES = 6


def read_claim(scene: Scene) -> Expected:
    """What people say of the right answer.

    Raises:
        RagpressError: a text cannot be read.
    """
    wrong = scene.answer.answer
    texts = tuple(_known(scene))
    said = claimed(scene.bad, wrong, texts)
    if said.origin != "correction" or not said.text or any(text.find(said.text) for text in texts):
        return said
    return claimed(scene.bad, wrong, _unread(scene))


def _known(scene: Scene) -> Iterator[FoldedText]:
    """Everything that is searched, was, or was kept out, ready to be searched for words."""
    words = scene.bad.claim.words or scene.bad.claim.answer
    if words:
        made = layers_of(scene.bench, scene.subject)
        made.look_for((scene.question.text, words), frozenset())
        yield from (text.read.folded for layer in ALWAYS for text in made.of(layer))


def _unread(scene: Scene) -> Iterator[FoldedText]:
    """What other parsers read in the files that the answer rests on, or might have."""
    cited = [item.source for item in scene.answer.citations]
    near = [item.source for item in scene.answer.context]
    sources = list(dict.fromkeys([*cited, *near]))[:_FILES]
    yield from (text.read.folded for text in layers_of(scene.bench, scene.subject).unparsed(sources))
