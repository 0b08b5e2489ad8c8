"""Cases whose scores need cosines; as a program it prints what they score in a process of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from evaluation.metrics.answers import AnswerFacts, load_scorer
from evaluation.records import Case
from ingest.embed import load_embedder
from ragpress.answer_settings import AnswerSettings
from ragpress.settings import EmbedSettings
from tests.evaluation.metrics.records import case, facts


def pairs() -> list[tuple[Case, AnswerFacts]]:
    """Right answers, most of them in another language than the reference or the passage."""
    pump = "Service the pump every 500 hours."
    filters = "滤芯每年更换两次，春季和秋季各一次。"
    office = "The office is in Lisbon, near the river."
    bridge = "The bridge opened in 1932."
    return [
        (
            case("The pump is serviced every 500 hours.", "泵多久维护一次？"),
            facts("每运行 500 小时必须维护一次泵。[1]", pump),
        ),
        (
            case("每年两次", "How often is the filter changed?"),
            facts("The filter is changed twice a year [1].", filters),
        ),
        (case("1932", "When did the bridge open?"), facts("The bridge opened in 1932 [1].", bridge)),
        (case("In Lisbon", "Where is the office?"), facts("办公室位于里斯本。[1]", office)),
    ]


def main() -> None:
    """Print the scores, with the model and the folder of models that the arguments name."""
    model, cache = sys.argv[1:]
    scorer = load_scorer(load_embedder(EmbedSettings(model=model), Path(cache)), AnswerSettings())
    found = [scorer.score(*pair) for pair in pairs()]
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
