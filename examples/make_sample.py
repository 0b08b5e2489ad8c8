"""Write the binary documents of ``examples/sample`` from the texts in ``examples/sources``.

Run it with ``make sample``. The bytes are the same every time, so the results are committed and a
test compares them. Among the documents is one that is damaged on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from examples.markup import Block, read_blocks
from examples.office_writer import write_docx, write_epub, write_pptx, write_xlsx
from examples.pdf_writer import write_pdf

HERE = Path(__file__).parent
SAMPLE = HERE / "sample"


def documents() -> Iterator[tuple[str, bytes]]:
    """Path under the sample folder and bytes of every generated document."""
    yield "handbook/travel-expenses.docx", write_docx(_blocks("travel-expenses"))
    yield "handbook/信息安全规范.docx", write_docx(_blocks("information-security-zh"))
    yield "handbook/onboarding.pptx", write_pptx(_blocks("onboarding"))
    yield (
        "products/installation-guide.epub",
        write_epub(_blocks("installation-guide"), "Installing a network of stations", "Marten de Boer"),
    )
    yield (
        "products/skylark-200/user-manual.pdf",
        write_pdf(
            _blocks("skylark-200-user-manual"),
            "Skylark 200 User Manual, Revision C",
            "Tianqing Instruments - Page {page} of {pages}",
        ),
    )
    yield (
        "products/lark-mini/快速入门.txt",
        _source("lark-mini-quick-start-zh").read_text(encoding="utf-8").encode("gb18030"),
    )
    yield (
        "safety/校准气体安全说明.pdf",
        write_pdf(
            _blocks("gas-safety-zh"), "天青仪器 SAF-07 校准气体安全说明", "第 {page} 页，共 {pages} 页", chinese=True
        ),
    )
    yield "sales/price-list-2026.xlsx", write_xlsx(_blocks("price-list-2026"))
    yield "sales/tender-lyon-draft.docx", _cut(write_docx(_blocks("tender-lyon")))


def main() -> None:
    """Write every generated document."""
    for name, content in documents():
        path = SAMPLE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _source(name: str) -> Path:
    return HERE / "sources" / f"{name}.txt"


def _blocks(name: str) -> list[Block]:
    return read_blocks(_source(name))


def _cut(content: bytes) -> bytes:
    """What is left of a file when its upload broke off: the archive's directory is missing."""
    return content[: len(content) // 3]


if __name__ == "__main__":
    main()
