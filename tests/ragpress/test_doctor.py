from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from index.health import doctor
from ragpress.errors import SettingsError
from serving.checks import access_checks, check_answering, generator_checks, generator_settings
from serving.commands.shared import USAGE
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from serving.service_checks import journal_checks, service_checks
from tests.workspace import SETTINGS, Workspace

DOWN = '[generator]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n'


def test_the_doctor_names_the_generator_that_would_answer_and_why(tmp_path: Path) -> None:
    environment = Workspace(tmp_path).environment()
    (check,) = generator_checks(environment)
    assert check.ok
    assert check.found.startswith("extractive: ")
    assert "no server" in check.found
    assert check in doctor(environment, [check]).checks


def test_a_server_that_is_down_is_unhealthy_with_what_to_do(tmp_path: Path) -> None:
    environment = Workspace(tmp_path, SETTINGS + DOWN).environment()
    (check,) = generator_checks(environment)
    assert not check.ok
    assert "127.0.0.1:9" in check.found
    assert 'fallback = "extractive"' in check.mend
    assert not doctor(environment, [check]).healthy


def test_with_a_fallback_the_doctor_says_that_answers_are_quotes(tmp_path: Path) -> None:
    environment = Workspace(tmp_path, SETTINGS + DOWN + 'fallback = "extractive"\n').environment()
    (check,) = generator_checks(environment)
    assert check.ok
    assert check.found.startswith("extractive: ")


def test_a_release_keeps_its_model_and_is_reached_as_the_settings_say_now(tmp_path: Path) -> None:
    space = Workspace(tmp_path, SETTINGS + DOWN)
    space.write({"a.md": "# A\n\nSome words to be found.\n"})
    space.ingest()
    space.configure(SETTINGS + DOWN.replace("9/v1", "10/v1").replace('"m"', '"other"'))
    found = generator_settings(space.environment(), "default")
    assert (found.model, found.base_url) == ("m", "http://127.0.0.1:10/v1")


RULES = '[access]\nrules = { "docs/staff/**" = ["staff"], "secret/**" = ["staff"] }\n'


def test_an_access_rule_that_protects_nothing_is_named(tmp_path: Path) -> None:
    space = Workspace(tmp_path, SETTINGS + RULES)
    space.write({"staff/a.md": "# A\n\nSome words to be found.\n", "secret/b.md": "# B\n\nOther words to be found.\n"})
    space.ingest()
    (check,) = access_checks(space.environment())
    assert not check.ok
    assert "'secret/**'" in check.found
    assert "'docs/staff/**'" not in check.found
    assert "begins with the name of its folder" in check.mend
    space.configure(SETTINGS + RULES.replace('"secret/**"', '"docs/secret/**"'))
    (check,) = access_checks(space.environment())
    assert check.ok


def test_a_rule_of_several_collections_need_not_decide_in_each(tmp_path: Path) -> None:
    other = '[collections.other.sources]\nfolders = ["else"]\n'
    space = Workspace(tmp_path, SETTINGS + '[access]\nrules = { "docs/**" = ["staff"] }\n' + other)
    space.write({"a.md": "# A\n\nSome words to be found.\n"})
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "b.md").write_text("# B\n\nOther words to be found.\n", encoding="utf-8")
    space.ingest()
    space.ingest(collection="other")
    assert [check.ok for check in access_checks(space.environment())] == [True, True]
    space.configure(SETTINGS + '[access]\nrules = { "docss/**" = ["staff"] }\n' + other)
    assert [check.ok for check in access_checks(space.environment())] == [False, False]


def test_an_access_rule_that_cannot_be_read_is_unhealthy(tmp_path: Path) -> None:
    environment = Workspace(tmp_path, SETTINGS + RULES.replace("secret/**", "!secret")).environment()
    (check,) = access_checks(environment)
    assert not doctor(environment, [check]).healthy
    assert "'!secret'" in check.mend


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ('[generator]\nkind = "gpt9"\n', "gpt9"),
        ('[generator]\nkind = "openai"\n', "base_url"),
        ('[rerank]\nkind = "nonsense"\n', "nonsense"),
        ('[answer]\nchecker = "nonsense"\n', "nonsense"),
        ('[access]\nrules = { "!x" = [] }\n', "'!x'"),
    ],
)
def test_a_release_that_could_not_answer_is_not_built(tmp_path: Path, wrong: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        check_answering(Workspace(tmp_path, SETTINGS + wrong).environment(), "default")


@pytest.mark.parametrize("right", ["", DOWN, '[generator]\nkind = "transformers"\n', '[answer]\nchecker = "lexical"\n'])
def test_a_release_whose_server_is_down_can_be_built(tmp_path: Path, right: str) -> None:
    check_answering(Workspace(tmp_path, SETTINGS + right).environment(), "default")


@pytest.mark.process
def test_nothing_is_published_that_could_not_answer(tmp_path: Path) -> None:
    space = Workspace(tmp_path, SETTINGS + '[generator]\nkind = "gpt9"\n')
    space.write({"a.md": "# A\n\nSome words to be found.\n"})
    command = [sys.executable, "-m", "ragpress", "-w", str(space.root), "ingest"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == USAGE
    assert "gpt9" in done.stderr
    assert space.environment().releases("default").live_id() is None


def service(tmp_path: Path, serve: str = "") -> tuple[Workspace, KeyRing]:
    space = Workspace(tmp_path, SETTINGS + serve)
    return space, KeyRing(space.environment().store)


def test_the_doctor_tells_who_may_call(tmp_path: Path) -> None:
    space, ring = service(tmp_path)
    _, open_to_this_machine = service_checks(space.environment())
    assert open_to_this_machine.ok
    assert "only this machine" in open_to_this_machine.found
    ring.add(Grant(name="alice"))
    assert service_checks(space.environment())[1].found.startswith("1 in force")
    ring.revoke("alice")
    _, nobody = service_checks(space.environment())
    assert not nobody.ok
    assert "lets nobody in" in nobody.found


@pytest.mark.parametrize("serve", ['[serve]\nhost = "0.0.0.0"\n', '[serve]\nproxy = true\nhosts = ["a.example"]\n'])
def test_a_service_that_would_be_open_to_all_is_unhealthy(tmp_path: Path, serve: str) -> None:
    space, ring = service(tmp_path, serve)
    _, check = service_checks(space.environment())
    assert not check.ok
    assert "ragpress keys add" in check.mend
    ring.add(Grant(name="alice"))
    assert service_checks(space.environment())[1].ok


def test_doors_that_stand_wide_open_are_told_and_are_no_illness(tmp_path: Path) -> None:
    space, ring = service(tmp_path, '[serve]\nproxy = true\ncors_origins = ["*"]\n')
    ring.add(Grant(name="alice"))
    checks = service_checks(space.environment())
    assert [check.name for check in checks if not check.ok] == ["optional host names", "optional web pages"]
    assert doctor(space.environment(), checks).healthy


def test_keys_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    space, ring = service(tmp_path)
    ring.add(Grant(name="alice"))
    (stored,) = (path for path in (tmp_path / ".ragpress" / "keys").rglob("ring*") if path.is_file())
    stored.write_bytes(b"token\n{nonsense")
    _, check = service_checks(space.environment())
    assert not check.ok
    assert "backup" in check.mend


def test_a_damaged_journal_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    environment = Workspace(tmp_path, SETTINGS).environment()
    assert all(check.ok for check in journal_checks(environment))
    folder = environment.journal("answers").folder
    folder.mkdir(parents=True)
    (folder / "20260101T000000000Z-1-aa.parquet").write_bytes(b"PAR1 no")
    (damaged,) = (check for check in journal_checks(environment) if not check.ok)
    assert damaged.name == "journal file journal/answers/20260101T000000000Z-1-aa.parquet"
    assert "backup" in damaged.mend
    assert not doctor(environment, [damaged]).healthy


def test_a_data_directory_that_cannot_be_written_or_is_full_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, ring = service(tmp_path)
    assert "made by the first run" in service_checks(space.environment())[0].found
    ring.add(Grant(name="alice"))
    assert service_checks(space.environment())[0].ok
    monkeypatch.setattr("serving.service_checks.ROOM", 10**30)
    full = service_checks(space.environment())[0]
    assert not full.ok
    assert "MB left" in full.found
    monkeypatch.setattr("os.access", lambda *_: False)  # the tests may run as root, who may write everywhere
    closed = service_checks(space.environment())[0]
    assert not closed.ok
    assert "cannot be written" in closed.found
