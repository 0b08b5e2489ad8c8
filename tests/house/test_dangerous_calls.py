"""What must not stand in the product (fault S8): the linter sees it, and nobody has told the linter to look away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.house.repository import ROOT, pyproject, tracked_files, wheel_packages

DANGEROUS = {
    "S102": 'exec("1")',
    "S103": 'import os\nos.chmod("x", 0o777)',
    "S104": 'HOST = "0.0.0.0"',
    "S105": 'password = "hunter2"',
    "S108": f'open("{os.sep}tmp{os.sep}x")',
    "S113": 'import requests\nrequests.get("http://x")',
    "S301": 'import pickle\npickle.loads(b"")',
    "S302": 'import marshal\nmarshal.loads(b"")',
    "S306": "import tempfile\ntempfile.mktemp()",
    "S307": 'eval("1")',
    "S314": 'import xml.etree.ElementTree as tree\ntree.fromstring("")',
    "S324": 'import hashlib\nhashlib.md5(b"")',
    "S501": 'import httpx\nhttpx.get("https://x", verify=False)',
    "S506": 'import yaml\nyaml.load("")',
    "S602": 'import subprocess\nsubprocess.run("ls", shell=True)',
    "S605": 'import os\nos.system("ls $HOME")',
    "S608": 'def query(x):\n    return f"SELECT a FROM b WHERE c = {x}"',
    "S701": "import jinja2\njinja2.Environment()",
}
"""Code by the rule of ruff that must find it."""

EXCUSABLE = {"S101", "S603", "S606", "S607", "S608"}
"""Rules that a line of the product may be excused from, with a reason beside it: assertions, own command lines, and
queries made of the names of our own columns."""

WORDS = (
    "trust_remote_code=True",
    "allow_pickle=True",
    "allow_dangerous_deserialization=True",
    "weights_only=False",
    "torch.load(",
)
TEMPLATE_ENGINES = {"jinja2", "mako", "chevron", "pystache"}
REPORTS = "evaluation/report/render.py"


@pytest.mark.parametrize("place", ["serving/api/made_up.py", "ragpress/commands/made_up.py"])
def test_the_linter_finds_it(place: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "json", "--stdin-filename", place, "-"]
    code = "\n".join(DANGEROUS.values())
    done = subprocess.run(command, input=code, capture_output=True, text=True, cwd=ROOT, check=False)
    assert DANGEROUS.keys() - {finding["code"] for finding in json.loads(done.stdout)} == set(), done.stderr


def test_no_part_of_the_product_is_excused_from_a_rule() -> None:
    lint = pyproject()["tool"]["ruff"]["lint"]
    assert not [rule for rule in lint["ignore"] if rule.startswith("S")]
    for places, rules in lint["per-file-ignores"].items():
        if places.split("/")[0] in wheel_packages():
            assert not [rule for rule in rules if re.match(r"S\d", rule)], places


def test_lines_that_are_excused_are_few_and_say_why() -> None:
    excused = re.compile(r"#\s*noqa:\s*([A-Z]+\d+(?:,\s*[A-Z]+\d+)*)(.*)")
    found = 0
    for path, text in product():
        lines = text.splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            match = excused.search(line)
            rules = {rule for rule in re.split(r",\s*", match[1]) if re.match(r"S\d", rule)} if match else set()
            assert rules <= EXCUSABLE, (path, line)
            if match and rules:
                found += 1
                reason = match[2].strip(" -") or before.strip().startswith("#")
                assert reason, f"{path}: {line.strip()} gives no reason"
    assert found > 0


def test_nothing_stored_or_downloaded_is_run() -> None:
    for path, text in product():
        for word in WORDS:
            assert word not in re.sub(r"\s*=\s*", "=", text), path


def test_no_template_engine_sees_any_text() -> None:
    """Reports are made by one, of templates that are our own files; texts are only values, and escaped."""
    for path, text in product():
        imported = set(re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE))
        if path == REPORTS:
            assert "autoescape=True" in text
            assert "from_string" not in text
            continue
        assert not imported & TEMPLATE_ENGINES, path


def test_nothing_is_written_as_a_table_for_spreadsheets() -> None:
    """Where nothing is exported as CSV, no formula needs quoting. Whoever adds an export adds the quoting."""
    for path, text in product():
        assert "csv.writer" not in text, path
        assert "write_csv" not in text, path
        assert '"text/csv"' not in text or path.startswith("ingest/"), path


def product() -> list[tuple[str, str]]:
    """Name and text of every Python file that is shipped."""
    packages = set(wheel_packages())
    relative = ((path.relative_to(ROOT), path) for path in tracked_files() if path.suffix == ".py")
    return [(str(name), path.read_text(encoding="utf-8")) for name, path in relative if name.parts[0] in packages]
