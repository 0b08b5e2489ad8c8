"""Case files are read strictly and written so that a diff shows only what changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from evaluation.cases import files
from evaluation.records import Case, Evidence
from ragpress.errors import SettingsError, UsageError

FIRST = b'{"question": "When is rent due?",  "id": "rent", "answer": "In March"}\n'
SECOND = '{"id": "押金", "question": "押金多少？", "must_abstain": true, "tags": ["must"]}\n'.encode()


def _write(root: Path, data: bytes, name: str = "a.jsonl") -> Path:
    path = root / "cases" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def test_cases_are_read_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    _write(tmp_path, SECOND, "b.jsonl")
    _write(tmp_path, b"\xef\xbb\xbf" + FIRST.replace(b"\n", b"\r\n") + b"\n  \n")
    found = files.load_cases(tmp_path, "default")
    assert [case.id for case in found] == ["rent", "押金"]
    assert found[1].tags == ("must",)


def test_no_folder_holds_no_cases(tmp_path: Path) -> None:
    assert files.load_cases(tmp_path, "default") == ()


def test_cases_of_other_collections_are_left_out(tmp_path: Path) -> None:
    _write(tmp_path, FIRST + b'{"id": "x", "question": "Why?", "collection": "hr"}\n')
    assert [case.id for case in files.load_cases(tmp_path, "hr")] == ["x"]


def test_only_accepted_cases_are_evaluated() -> None:
    cases = [Case(id="a", question="q"), Case(id="b", question="q", state="proposed")]
    assert [case.id for case in files.accepted(cases)] == ["a"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"id": "a"}', "the case has no `question`; it has: id"),
        ('{"id": "a", "question": "q", "anser": "x"}', "Did you mean `answer`?"),
        ('{"id": "a", "question": "q", "colour": 1}', "Known: id, question"),
        ('{"id": 5, "question": "q"}', "`id` must be text in quotation marks"),
        ('{"id": "a", "question": "q", "must_abstain": "yes"}', '`must_abstain` must be true or false, found "yes"'),
        ('{"id": "a", "question": "q", "tags": "must"}', "`tags` must be a list"),
        ('{"id": "a", "question": "q", "state": "done"}', "must be one of accepted, proposed, rejected"),
        ('{"id": "a", "question": "q", "evidence": [{"qoute": "x"}]}', "`evidence[0]`"),
        (
            '{"id": "a", "question": "q", "evidence": [{"source": "s", "quote": "x", "qoute": 1}]}',
            "Did you mean `quote`",
        ),
        ('{"id": "a", "question": "q", "evidence": [{"source": " ", "quote": "x"}]}', "evidence 1: `source` is empty"),
        (
            '{"id": "a", "question": "q", "evidence": [{"source": "s", "quote": "…"}]}',
            "evidence 1: `quote` has no words",
        ),
        ('{"id": "a", "question": "  "}', "the question is empty"),
        ('{"id": " a", "question": "q"}', "printable characters without spaces"),
        ('{"id": "a", "question": "q", "answer": "x", "must_abstain": true}', "remove the answer"),
        ('{"id": "a", "question": "q", "answer": " "}', "an answer is empty"),
        ('["a"]', "the case must be an object"),
        ("{", "put each case on one line"),
        ("// a note", "use the field `note`"),
    ],
)
def test_a_wrong_line_is_named_with_what_to_do(tmp_path: Path, line: str, says: str) -> None:
    path = _write(tmp_path, FIRST + b"\n" + line.encode() + b"\n")
    with pytest.raises(SettingsError) as caught:
        files.load_cases(tmp_path, "default")
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert says in str(caught.value)


def test_another_encoding_is_named(tmp_path: Path) -> None:
    _write(tmp_path, '{"id": "a", "question": "押金多少？"}'.encode("gb18030"))
    with pytest.raises(SettingsError, match="save the file as UTF-8"):
        files.load_cases(tmp_path, "default")


def test_an_id_that_is_taken_names_both_places(tmp_path: Path) -> None:
    one, other = _write(tmp_path, FIRST), _write(tmp_path, SECOND + FIRST, "b.jsonl")
    with pytest.raises(SettingsError) as caught:
        files.load_cases(tmp_path, "default")
    assert f"{other}, line 2" in str(caught.value)
    assert f"{one}, line 1" in str(caught.value)


def test_one_change_changes_one_line(tmp_path: Path) -> None:
    path = _write(tmp_path, b"\xef\xbb\xbf" + FIRST.replace(b"\n", b"\r\n") + b"\r\n" + SECOND)
    rent = files.load_cases(tmp_path, "default")[0]
    assert files.replace_cases(tmp_path, {"rent": msgspec.structs.replace(rent, state="rejected")}) == (path,)
    before, blank, after, end = path.read_bytes().split(b"\n")
    assert before.startswith(b"\xef\xbb\xbf{")
    assert before.endswith(b"\r")
    assert json.loads(before.decode("utf-8-sig"))["state"] == "rejected"
    assert (blank, after + b"\n", end) == (b"\r", SECOND, b"")


def test_nothing_is_written_where_nothing_changes(tmp_path: Path) -> None:
    _write(tmp_path, FIRST)
    assert files.replace_cases(tmp_path, {"rent": files.load_cases(tmp_path, "default")[0]}) == ()


def test_an_unknown_case_cannot_be_replaced(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="eval cases list"):
        files.replace_cases(tmp_path, {"x": Case(id="x", question="q")})


def test_saving_keeps_the_bytes_of_what_stays(tmp_path: Path) -> None:
    path = _write(tmp_path, FIRST + SECOND)
    rent, deposit = files.load_cases(tmp_path, "default")
    added = Case(id="new", question="为什么？", evidence=(Evidence("a.md", "因为"),))
    assert files.save_cases(tmp_path, "a", (deposit, rent, added)) == path
    assert path.read_bytes().startswith(SECOND + FIRST + '{"id": "new", "question": "为什么？"'.encode())
    assert files.load_cases(tmp_path, "default") == (deposit, rent, added)


def test_adding_appends(tmp_path: Path) -> None:
    path = _write(tmp_path, FIRST.rstrip())
    files.add_cases(tmp_path, "a.jsonl", [Case(id="new", question="q")])
    assert path.read_bytes() == FIRST + b'{"id": "new", "question": "q"}\n'


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".hidden", "a\n", "x" * 200])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        files.save_cases(tmp_path, name, ())


def test_a_taken_id_is_not_saved(tmp_path: Path) -> None:
    _write(tmp_path, FIRST)
    rent = files.load_cases(tmp_path, "default")
    with pytest.raises(SettingsError, match="is taken by"):
        files.save_cases(tmp_path, "b", rent)
    with pytest.raises(SettingsError, match="Two cases"):
        files.save_cases(tmp_path, "a", rent * 2)
    with pytest.raises(SettingsError, match="cannot be kept"):
        files.save_cases(tmp_path, "b", [Case(id="x", question="")])


def test_the_set_of_cases_has_one_fingerprint_in_any_order() -> None:
    one, other = Case(id="a", question="q"), Case(id="b", question="q")
    assert files.case_set([one, other]) == files.case_set([other, one])
    assert files.case_set([one]) != files.case_set([one, other])
    assert files.case_set([one]) == files.case_set([msgspec.structs.replace(one, note="seen", tags=("x",))])


def test_a_case_that_is_nested_too_deeply_is_refused_by_line(tmp_path: Path) -> None:
    _write(tmp_path, FIRST + b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")
    with pytest.raises(SettingsError, match=r"a\.jsonl, line 2: it is nested too deeply"):
        files.load_cases(tmp_path, "default")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_what_would_never_end_is_not_read(tmp_path: Path) -> None:
    path = _write(tmp_path, b"")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="is no file"):
        files.load_cases(tmp_path, "default")
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="is no file"):
        files.load_cases(tmp_path, "default")


def test_a_file_of_many_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = _write(tmp_path, b"")
    os.truncate(path, 5 << 30)
    with pytest.raises(SettingsError, match=r"5120 MiB; at most 256 MiB"):
        files.load_cases(tmp_path, "default")


def test_a_quote_of_a_whole_library_is_refused(tmp_path: Path) -> None:
    evidence = [{"source": "s", "quote": "word " * 30_000}]
    _write(tmp_path, json.dumps({"id": "a", "question": "q", "evidence": evidence}).encode())
    with pytest.raises(SettingsError, match="evidence 1: `quote` has 150000 characters"):
        files.load_cases(tmp_path, "default")
