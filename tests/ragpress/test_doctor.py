from __future__ import annotations

from pathlib import Path

from index.health import doctor
from ragpress.wiring import generator_checks, generator_settings
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
