"""The wheel ships exactly the packages that pyproject.toml lists, and no tests."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.house.repository import ROOT, wheel_packages


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    target = tmp_path_factory.mktemp("wheel")
    built = list(WheelBuilder(str(ROOT)).build(directory=str(target), versions=["standard"]))
    with zipfile.ZipFile(built[0]) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_listed_packages_and_nothing_else(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(wheel_packages())
    assert not {"tests", "benchmarks", "examples"} & tops


def test_every_module_of_a_listed_package_is_in_the_wheel(names: list[str]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for name in wheel_packages() for path in (ROOT / name).rglob("*.py")}
    assert modules - set(names) == set()


def test_the_wheel_carries_its_licence(names: list[str]) -> None:
    assert [name for name in names if name.endswith("/LICENSE")]
    assert Path(ROOT / "LICENSE").read_text(encoding="utf-8").lstrip().startswith("Apache License")
