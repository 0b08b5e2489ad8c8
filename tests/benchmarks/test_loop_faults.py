from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from benchmarks import loop_texts
from benchmarks.loop import main
from benchmarks.loop_bench import rendered, source_name, write_workspace
from benchmarks.loop_faults import KINDS, plans
from benchmarks.loop_pool import Asked, Pool, folded, is_right
from benchmarks.loop_records import Cost, Found, Injected, Outcome, Plan, Scene
from benchmarks.loop_report import Share, measures, report, wording
from benchmarks.loop_texts import corrections, lie_for, other_figures, reworded, scanned, wordings
from index.findings import Cause
from ragpress.errors import SettingsError, UsageError
from ragpress.settings import load_workspace

SENTENCE = "The harbour crane was rebuilt in 1987 by the firm Oldenkamp."
PAGE = (
    "# Harbour\n\nUpdated: 2024-03-05\n\nThe harbour lies at the mouth of the river, and ships have called there for "
    "longer than anybody wrote it down. Its quays are long, and the water beside them is deep enough for most."
    f"\n\nTwo cranes stand on the quay. {SENTENCE} The other one is older and is kept as a monument.\n"
)
OTHER = "# Lighthouse\n\nUpdated: 2024-03-05\n\nThe lighthouse was lit in 1911. Its keeper was Marta Vance.\n"
ASKED = Asked(id="1", question="When was the crane rebuilt?", answer="1987", source="Harbour.md", sentence=SENTENCE)
KEEPER = Asked(
    id="2",
    question="Who kept the lighthouse?",
    answer="Marta Vance",
    source="Lighthouse.md",
    sentence="Its keeper was Marta Vance.",
)
POOL = Pool(
    name="own",
    language="en",
    half="odd",
    files={"Harbour.md": PAGE, "Lighthouse.md": OTHER},
    asked=(ASKED, KEEPER),
    outside=(),
    foreign=("# 灯塔\n\n灯塔建于一九一一年。\n",),
)


def scene(kind: str, seed: int = 0, asked: Asked = ASKED) -> Scene:
    variant = KINDS[kind].variant
    placed = Asked(
        id=asked.id,
        question=asked.question,
        answer=asked.answer,
        source=source_name(asked.source, variant),
        sentence=asked.sentence,
        wrong="1954",
        planted=("The crane was rebuilt in 1954.",),
    )
    return Scene(
        pool=POOL,
        files=rendered(POOL, variant),
        asked=placed,
        plain=POOL.files[asked.source],
        right=(placed, KEEPER),
        history=KINDS[kind].histories[0],
        corrected=KINDS[kind].corrections[0],
        chance=random.Random(seed),
    )


def injected(kind: str, seed: int = 0) -> Injected:
    found = KINDS[kind].inject(scene(kind, seed))
    assert found is not None
    return found


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_has_known_causes_and_is_decided_by_its_seed(name: str) -> None:
    first, again = injected(name, 7), injected(name, 7)
    assert first == again
    assert set(first.causes) <= {cause.value for cause in Cause}
    assert set(first.culprits) <= first.files.keys() | rendered(POOL, KINDS[name].variant).keys()


@pytest.mark.parametrize(
    "name", ["ocr_noise", "truncated", "wrong_encoding", "swapped_numbers", "swapped_translation", "stale_itself"]
)
def test_damage_takes_the_answer_out_of_its_document_and_leaves_others(name: str) -> None:
    found = injected(name)
    assert b"rebuilt in 1987" not in found.files["Harbour.md"]
    assert found.files["Lighthouse.md"] == OTHER.encode()
    assert found.culprits == ("Harbour.md",)


@pytest.mark.parametrize("name", ["truncated_parse", "lost_table"])
def test_a_page_that_is_parsed_wrongly_still_holds_the_answer(name: str) -> None:
    found = injected(name)
    assert SENTENCE in found.files["Harbour.html"].decode()
    assert found.files["Harbour.html"] != rendered(POOL, "html")["Harbour.html"]


def test_near_copies_are_forty_and_none_holds_the_evidence() -> None:
    found = injected("forty_near_copies")
    assert len(found.culprits) == 40
    assert not any(SENTENCE.encode() in found.files[name] for name in found.culprits)
    assert len({found.files[name] for name in found.culprits}) > 20


def test_copies_and_planted_texts_say_the_lie() -> None:
    for name in ("stale_copy", "contradicting_copy", "planted_document"):
        found = injected(name)
        assert all(found.lies[0].encode() in found.files[culprit] for culprit in found.culprits), name
        assert found.files["Harbour.md"] == PAGE.encode()


def test_settings_of_a_fault_are_valid(tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in KINDS:
        found = injected(name)
        folder = tmp_path_factory.mktemp(name)
        write_workspace(folder, found.files, found.settings)
        assert load_workspace(folder).collection("default").sources.folders == ("docs",)
        assert {path.relative_to(folder / "docs").as_posix() for path in (folder / "docs").rglob("*.*")} == set(
            found.files
        )


def test_an_answer_is_right_only_without_a_lie() -> None:
    assert is_right(ASKED, "It was rebuilt in 1987. [1]", False)
    assert not is_right(ASKED, "It was rebuilt in 1987, or in 1954. [1]", False, ["1954"])
    assert not is_right(ASKED, "I do not know; perhaps 1987.", True)
    assert is_right(Asked(id="3", question="?", answer=""), "I could not find it.", True)


def test_noise_lies_and_copies_differ_from_the_original() -> None:
    chance = random.Random(1)
    assert scanned("harbour crane", chance, 0.0) == "harbour crane"
    assert scanned("harbour crane " * 5, chance, 0.5) != "harbour crane " * 5
    assert all(one != other for one, other in zip("1987", other_figures("1987", chance), strict=True))
    assert lie_for("Marta Vance", ["Ilse Brandt", "1987", "Marta"], chance) == "Ilse Brandt"
    assert "kept words" in reworded("some other text around the kept words here", "kept words", chance, 0.9)


def test_plans_repeat_and_meet_pools_histories_and_corrections() -> None:
    first = plans(3, 300, "odd")
    assert first == plans(3, 300, "odd")
    assert {plan.kind for plan in first} == set(KINDS)
    assert len({plan.name for plan in first}) == 300
    noise = [plan for plan in first if plan.kind == "ocr_noise"]
    assert len({(plan.history, plan.corrected) for plan in noise}) >= 3


def test_plans_with_and_without_a_correction_and_with_several_callers() -> None:
    assert {plan.corrected for plan in plans(3, 90, "even", corrected="only")} == {True}
    assert {plan.corrected for plan in plans(3, 90, "even", corrected="never")} == {False}
    assert len(plans(3, 90, "even", corrected="never")) == 90
    one, three = plans(3, 90, "even"), plans(3, 90, "even", callers=3)
    assert {plan.callers for plan in three} == {3}
    assert [plan.name for plan in one] == [plan.name for plan in three]
    assert plans(3, 9, "even", ["wrong_correction"], corrected="never") == []
    with pytest.raises(UsageError, match="at least 1 caller"):
        plans(3, 9, "even", callers=0)


def outcome(cause: str, documents: tuple[str, ...], *, corrected: bool, worse: tuple[str, ...] = ()) -> Outcome:
    plan = Plan(kind="ocr_noise", pool="own", half="odd", number=0, history=True, corrected=corrected, seed=1)
    return Outcome(
        plan=plan,
        status="done",
        causes=("parse_fault",),
        culprits=("a.md",),
        repairable=True,
        found=Found(cause=cause, documents=documents, proven=True),
        published=True,
        fixed=True,
        asked_before=10,
        worse=worse,
        cost=Cost(cpu=1.0, wall=1.0, embedded=3),
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_halves_share_no_wording_and_each_has_the_answer_once(language: str) -> None:
    even, odd = wordings(language, "even"), wordings(language, "odd")
    # Counts only: a failure must not show how the held-out half speaks.
    assert (len(set(even)), len(set(odd))) == (len(even), len(odd))
    assert sum(line.count("{0}") != 1 for line in (*even, *odd)) == 0
    frames = [{folded(line.replace("{0}", "")) for line in half} - {""} for half in (even, odd)]
    shared = len(frames[0] & frames[1])
    assert shared == 0
    assert min(map(len, frames)) > 15


def test_a_correction_holds_the_answer_as_it_stands() -> None:
    for seed in range(40):
        assert "a {0} b" in corrections("a {0} b", ("en", "even"), 1, random.Random(seed))[0]


def test_callers_have_wordings_of_their_own_and_the_first_is_the_same_however_many_there_are() -> None:
    one = corrections("1987", ("zh", "even"), 1, random.Random(4))
    five = corrections("1987", ("zh", "even"), 5, random.Random(4))
    assert five[:1] == one
    assert len(set(five)) == 5
    callers = len(wordings("zh", "even")) + 10
    many = corrections("1987", ("zh", "even"), callers, random.Random(4))
    assert len(many) == callers
    assert set(many) == {line.replace("{0}", "1987") for line in wordings("zh", "even")}


def test_wordings_that_are_missing_or_torn_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_texts, "_WORDINGS", tmp_path)
    with pytest.raises(SettingsError, match=r"expected the file .*even\.xx\.txt"):
        wordings("xx", "even")
    (tmp_path / "even.xx.txt").write_text("# a comment\n{0}\nno answer\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"lines \[3\]"):
        wordings("xx", "even")


def test_a_report_shows_what_was_told_of_the_tuned_half_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").mkdir()
    failed = outcome("missing_document", ("b.md",), corrected=True)
    lines = []
    for number, (half, told) in enumerate((("even", "even says 1987"), ("odd", "odd says 1987"), ("even", "“1987”"))):
        plan = msgspec.structs.replace(failed.plan, half=half, number=number)
        found = Found(cause="missing_document", why=f"not right: {told}", evidence=(f"claim: “{told}”",))
        lines.append(msgspec.structs.replace(failed, plan=plan, claim="1987", told=told, found=found))
    assert [wording(line) for line in lines] == ["framed", "framed", "bare claim"]
    (tmp_path / "results" / "0-1.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(lines))
    assert report(tmp_path) == 0
    shown = capsys.readouterr().out
    assert "told: “even says 1987”" in shown
    assert "odd says" not in shown
    assert "| framed | 2 |" in shown
    assert "| bare claim | 1 |" in shown


def test_measures_count_causes_documents_repairs_and_harm() -> None:
    found = measures(
        [
            outcome("parse_fault", ("a.md", "b.md"), corrected=True),
            outcome("missing_document", ("b.md",), corrected=False, worse=("What else?",)),
        ]
    )
    assert (found.cause.hits, found.cause.of) == (1, 2)
    assert (found.recall.hits, found.recall.of) == (1, 2)
    assert (found.blamed.hits, found.blamed.of) == (2, 3)
    assert (found.worse.hits, found.worse.of) == (1, 20)
    assert found.repaired.share == 1.0
    assert str(Share.count([])) == "–"


def test_results_never_go_into_the_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", "benchmarks/out"]) == 2
    assert "outside the repository" in capsys.readouterr().err


def test_a_run_goes_on_with_as_many_callers_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results").mkdir()
    kept = outcome("parse_fault", ("a.md",), corrected=True)
    kept = msgspec.structs.replace(kept, plan=msgspec.structs.replace(kept.plan, callers=3))
    (tmp_path / "results" / "0-1.jsonl").write_bytes(msgspec.json.encode(kept) + b"\n")
    assert main(["--out", str(tmp_path), "--resume", "--faults", "1"]) == 2
    assert "holds results with --callers 3, found --callers 1" in capsys.readouterr().err
    assert report(tmp_path) == 0
    assert "callers who complain of each: 3" in capsys.readouterr().out
