from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from serving.journal.codec import encode
from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.overview.facts import AnswerFacts, RatingFacts, answer_table, moment, rating_table
from serving.overview.quality import Measured, Prices, measure, z_score
from serving.types import Seconds, Usage
from tests.serving.journalled import answered, broken, checked, citation, rated

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
BOUNDS = [NOW - timedelta(hours=2), NOW - timedelta(hours=1), NOW]
EARLY, LATE = NOW - timedelta(minutes=90), NOW - timedelta(minutes=30)


def measured(
    answers: Sequence[AnswerRecord], feedback: Sequence[FeedbackRecord] = (), prices: Prices | None = None
) -> Measured:
    facts = answer_table(msgspec.json.decode(encode(one), type=AnswerFacts) for one in answers)
    ratings = rating_table(msgspec.json.decode(encode(one), type=RatingFacts) for one in feedback)
    created = {"r1": NOW - timedelta(hours=5), "r2": NOW - timedelta(hours=1)}
    return measure(facts, ratings, BOUNDS, created, prices or Prices())


def test_outcomes_are_counted_per_bucket_and_in_all() -> None:
    found = measured(
        [answered(EARLY), answered(EARLY, abstained=True), broken(LATE), broken(LATE, "cancelled"), answered(LATE)]
    )
    assert [one.answers for one in found.buckets] == [2, 3]
    assert (found.totals.answers, found.totals.complete, found.totals.abstained) == (5, 3, 1)
    assert (found.buckets[1].failed, found.buckets[1].cancelled, found.buckets[0].failed) == (1, 1, 0)


def test_answers_outside_of_the_time_are_not_counted() -> None:
    found = measured([answered(NOW - timedelta(hours=3)), answered(NOW + timedelta(hours=1)), answered(LATE)])
    assert found.totals.answers == 1


def test_nothing_asked_is_no_figure_and_not_zero() -> None:
    found = measured([], prices=Prices(1.0, 1.0))
    assert found.totals.answers == 0
    for bucket in (found.totals, *found.buckets):
        assert bucket.first_token_p50 is bucket.total_p95 is bucket.prompt_tokens is bucket.cost is None
    assert [one.index_age_seconds for one in found.buckets] == [None, None]
    assert found.cited == ()


def test_percentiles_are_of_the_answers_that_have_them() -> None:
    times = [1.0, 2.0, 3.0, 4.0]
    answers = [answered(EARLY, seconds=Seconds(0.0, None if one < 3 else one / 10, one)) for one in times]
    (first, second) = measured([*answers, broken(LATE)]).buckets
    assert first.total_p50 == pytest.approx(2.5)
    assert first.total_p95 == pytest.approx(3.85)
    assert first.first_token_p50 == pytest.approx(0.35)
    assert second.total_p50 is None


def test_tokens_that_were_not_counted_are_missing_and_cost_nothing_that_is_known() -> None:
    answers = [answered(EARLY, usage=Usage(1000, 100)), answered(EARLY), answered(LATE)]
    first, second = measured(answers, prices=Prices(2.0, 10.0)).buckets
    assert (first.counted, first.prompt_tokens, first.completion_tokens) == (1, 1000, 100)
    assert first.cost == pytest.approx(0.003)
    assert (second.counted, second.prompt_tokens, second.cost) == (0, None, None)


def test_without_prices_there_is_no_cost() -> None:
    assert measured([answered(EARLY, usage=Usage(1000, 100))]).totals.cost is None
    assert measured([answered(EARLY, usage=Usage(1000, 100))], prices=Prices(0, 1)).totals.cost == pytest.approx(1e-4)


def test_of_many_ratings_the_last_counts_for_the_answer_it_is_about() -> None:
    one, other = answered(EARLY), answered(LATE)
    feedback = [
        rated(one, EARLY + timedelta(minutes=1), "down"),
        rated(one, LATE, "up"),
        rated(other, LATE + timedelta(minutes=2), None, comment="so so"),
    ]
    found = measured([one, other], feedback[::-1])
    assert [(bucket.up, bucket.down) for bucket in found.buckets] == [(1, 0), (0, 0)]


def test_only_sentences_that_claim_something_are_claims() -> None:
    found = measured([answered(EARLY, sentences=checked(True, False, None)), broken(EARLY)])
    assert (found.totals.claims, found.totals.unsupported) == (2, 1)


def test_every_release_has_its_own_figures() -> None:
    found = measured([answered(EARLY, release="r1"), answered(LATE, release="r2"), broken(LATE, release="r2")])
    assert {name: (one.answers, one.failed) for name, one in found.releases.items()} == {"r1": (1, 0), "r2": (2, 1)}


def test_the_age_of_the_index_is_that_of_the_release_that_answered() -> None:
    found = measured([answered(EARLY, release="r1"), answered(LATE, release="r2"), answered(EARLY, release="gone")])
    assert found.buckets[1].index_age_seconds == 1800
    assert measured([answered(EARLY, release="r1")]).buckets[0].index_age_seconds == 3.5 * 3600
    assert measured([answered(EARLY, release="gone")]).buckets[0].index_age_seconds is None


def test_documents_are_counted_once_an_answer() -> None:
    twice = answered(EARLY, citations=(citation("d1", "docs/a.md"), citation("d1", "docs/a.md", 2)))
    found = measured([twice, answered(LATE, citations=(citation("d2", "docs/b.md"),))], [rated(twice, LATE)])
    assert [(one.source, one.answers, one.down) for one in found.cited] == [("docs/a.md", 1, 1), ("docs/b.md", 1, 0)]


def test_times_are_utc_whatever_zone_they_are_written_in() -> None:
    assert moment("2026-06-10T14:00:00+02:00") == moment("2026-06-10T12:00:00Z") == moment("2026-06-10T12:00:00")


def test_shares_grow_by_standard_errors() -> None:
    assert z_score(30, 100, 10, 100) == pytest.approx(3.536, abs=0.001)
    assert z_score(10, 100, 30, 100) < 0
    assert z_score(0, 100, 0, 100) == z_score(1, 0, 0, 100) == z_score(5, 5, 5, 5) == 0.0
