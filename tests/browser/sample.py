"""A small workspace of our own for the browser: English, Chinese, a PDF, and names and texts that would be markup."""

from __future__ import annotations

from pathlib import Path

from examples.markup import Block
from examples.pdf_writer import write_pdf
from tests.workspace import SETTINGS, Workspace

WORKSHOP = """\
# Workshop rules

## Opening hours

The workshop is open from 8:00 to 17:30 on working days. On public holidays it is closed.

## Visitors 🔧

Every visitor gets a red badge at the front desk. The badge is returned on leaving.
"""

REFUND = """\
# 退款规定

## 期限

客户可以在收货后十四天内申请退款。申请时须附上发票号码。

## 方式

退款会在五个工作日内退回原付款账户。
"""

FILLER = (
    "This page tells of the history of the house and of the people who built it, in the words of its first keeper. "
)
PRESSURE = "The boiler pressure must stay below 6.5 bar at all times."

HOSTILE_NAME = "<img src=x onerror=alert(1)>.md"
HOSTILE = """\
# <script>alert("title")</script> Lantern & "lamps"

The lantern oil is changed every 90 days. <img src="http://evil.example/a.png" onerror="alert(2)"> \
<svg onload=alert(3)></svg> [more](javascript:alert(4)) <style>body{display:none}</style>
"""


def sample_workspace(root: Path, settings: str = "") -> Workspace:
    """Write the sample and publish it."""
    workspace = Workspace(root, SETTINGS + settings)
    workspace.write({"workshop.md": WORKSHOP, "退款规定.md": REFUND, HOSTILE_NAME: HOSTILE})
    pages = [
        Block("title", "Boiler manual"),
        Block("paragraph", FILLER * 40),
        Block("heading", "Pressure"),
        Block("paragraph", PRESSURE),
    ]
    (workspace.docs / "boiler.pdf").write_bytes(write_pdf(pages, "Boiler manual", "{page} of {pages}"))
    report = workspace.ingest()
    assert report.published, report
    return workspace
