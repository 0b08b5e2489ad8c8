"""Small workspaces with one fault each, and the complaint about it."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from feedback.diagnose.diagnose import diagnose
from feedback.records import BadCase, Claim
from feedback.workbench import Workbench, question_of
from index.findings import Finding
from serving.journal.answers import AnswerJournal
from tests.workspace import Workspace

ENGLISH = "How many days of annual leave do employees get?"
CHINESE = "员工每年有多少天年假？"
LEAVE = {
    "en": "# Leave\n\nEmployees get 30 days of annual leave per year. Requests go to the team lead.\n",
    "zh": "# 休假\n\n员工每年有30天年假。申请交给组长审批。\n",
}
OTHERS = {
    f"room-{name}.md": f"# The {name}\n\nThe {name} of the office is cleaned every {day}. It is closed at night.\n"
    for name, day in (("kitchen", "Monday"), ("lobby", "Friday"), ("garage", "Tuesday"), ("cellar", "Thursday"))
} | {"房间.md": "# 厨房\n\n办公室的厨房每周一打扫，晚上关闭。\n"}


class Desk:
    """A workspace that is asked and complained of.

    Args:
        root: an existing folder.
        language: of the document with the answer.
    """

    def __init__(self, root: Path, language: str = "en") -> None:
        self.workspace = Workspace(root)
        self.language = language
        self.question = ENGLISH if language == "en" else CHINESE
        self.claim = Claim(answer="30 days" if language == "en" else "30天", standing="claimed")

    def publish(self, **files: str) -> None:
        """Write files (``leave`` is ``leave.md``; a text of "" removes one) and ingest."""
        for name, text in files.items():
            path = self.workspace.docs / f"{name}.md"
            if text:
                self.workspace.write({path.name: text})
            else:
                path.unlink()
        self.workspace.ingest()

    def healthy(self) -> None:
        """Publish a release that answers rightly."""
        self.workspace.write(OTHERS)
        self.publish(leave=LEAVE[self.language])

    def configure(self, text: str) -> None:
        """Add sections to the settings file."""
        path = self.workspace.root / "ragpress.toml"
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}", encoding="utf-8")

    def complain(self, claim: Claim, groups: tuple[str, ...] | None = None) -> Finding:
        """Ask the live release, complain of what it says, and diagnose that."""
        environment = self.workspace.environment()
        journal = AnswerJournal(environment, environment.workspace.service.journal)
        bench = Workbench(environment, "default", journal)
        bad = BadCase(case_id="case", collection="default", question=self.question, claim=claim, groups=groups)
        live = bench.live()
        assert live is not None
        answer = bench.ask(live, question_of(bad))
        asked = replace(bad, answer=answer, wrong=answer.answer, release=answer.release, answer_id=answer.id)
        try:
            return diagnose(bench, asked)
        finally:
            journal.close()
