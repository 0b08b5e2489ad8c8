"""Server-side request forgery: addresses in documents, names, filters, questions, feedback and a model's words.

Two watchers: a server that every address leads to, which must not be asked, and a hook in every process of the service
that notes what Python itself connects to or looks up.
"""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.serving.fuzz.site import Site, site

pytestmark = pytest.mark.process

WATCH = """
import os, sys
_file = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def _note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"):
        told = repr(arguments[1] if event == "socket.connect" else arguments)
        os.write(_file, f"{{event}} {{told}}\\n".encode())
os.write(_file, f"watched {{os.getpid()}}\\n".encode())
sys.addaudithook(_note)
"""


class Listener:
    """Notes whoever calls; use it as a context manager."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        handler = type("Handler", (_Handler,), {"asked": self.asked})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    asked: list[str]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/redirected")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_HEAD = do_OPTIONS = do_PUT = do_GET  # noqa: N815 - the base class's names


def calling_documents(url: str) -> dict[str, bytes]:
    """Documents that ask their reader to fetch something, by name."""
    page = f"""<!DOCTYPE html><html><head><base href="{url}/base/"><title>Page</title>
        <link rel="stylesheet" href="{url}/style.css"><meta http-equiv="refresh" content="0;url={url}/refresh">
        <script src="{url}/script.js"></script></head><body><p>A page that calls home.</p>
        <img src="{url}/image.png" srcset="{url}/set.png 2x"><iframe src="{url}/frame"></iframe>
        <object data="{url}/object"></object><embed src="{url}/embed"><video src="{url}/video"></video>
        <svg><image href="{url}/svg.png"/><use href="{url}/use.svg#a"/></svg></body></html>"""
    entities = f"""<?xml version="1.0"?><?xml-stylesheet href="{url}/style.xsl" type="text/xsl"?>
        <!DOCTYPE r [<!ENTITY e SYSTEM "{url}/entity"><!ENTITY % p SYSTEM "{url}/parameter">%p;]>
        <r xmlns:xi="http://www.w3.org/2001/XInclude" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
        xsi:schemaLocation="x {url}/schema.xsd"><xi:include href="{url}/included"/><p>&e; An XML of words.</p></r>"""
    text = f"![]({url}/markdown.png) [x]({url}/link)\n\n<img src='{url}/raw.png'>\n\n![[{url}/wiki]]\n"
    return {
        "page.html": page.encode(),
        "entities.xml": entities.encode(),
        "entities.svg": entities.encode(),
        "entities.xhtml": entities.encode(),
        "text.md": f"---\ntitle: {url}/title\ninclude: {url}/front\n---\n# Text\n\n{text}".encode(),
        "text.rst": f"Text\n====\n\n.. image:: {url}/rst.png\n\n.. include:: {url}/rst.txt\n".encode(),
        "linked.docx": linked_document(url),
        "table.csv": f'name,value\n"=WEBSERVICE(""{url}/formula"")",1\n'.encode(),
        "calls.ipynb": f'{{"cells":[{{"cell_type":"markdown","metadata":{{}},"source":["![]({url}/cell.png)"]}}],'
        f'"metadata":{{}},"nbformat":4,"nbformat_minor":5}}'.encode(),
        "mail.eml": f"Subject: Hello\nContent-Type: text/html\n\n<img src='{url}/mail.png'>Words of a mail.\n".encode(),
    }


def linked_document(url: str) -> bytes:
    """A Word file with a template and a picture elsewhere."""
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
            'wordprocessingml.document.main+xml"/></Types>',
        )
        related = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        archive.writestr(
            "_rels/.rels",
            f'{related}<Relationship Id="r1" Type="{kinds}/officeDocument" Target="word/document.xml"/>'
            "</Relationships>",
        )
        archive.writestr(
            "word/_rels/document.xml.rels",
            f'{related}<Relationship Id="r2" Type="{kinds}/attachedTemplate" TargetMode="External" '
            f'Target="{url}/template.dotm"/><Relationship Id="r3" Type="{kinds}/image" TargetMode="External" '
            f'Target="{url}/picture.png"/></Relationships>',
        )
        archive.writestr(
            "word/document.xml",
            f'<!DOCTYPE d [<!ENTITY e SYSTEM "{url}/docx">]>'
            '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
            "<w:t>Words of a Word file.</w:t></w:r></w:p></w:body></w:document>",
        )
    return packed.getvalue()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener() as running:
        yield running


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watch") / "notes"


@pytest.fixture(scope="module")
def running(notes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    (notes.parent / "sitecustomize.py").write_text(WATCH.format(path=str(notes)), encoding="utf-8")
    environment = {"PYTHONPATH": str(notes.parent)}
    with site(tmp_path_factory.mktemp("calls"), keys=False, environment=environment) as running:
        yield running


def test_nothing_that_is_said_or_uploaded_makes_the_service_call(
    running: Site, listener: Listener, notes: Path
) -> None:
    url, answer = listener.url, running.found["answer"][0]
    start, before = len(notes.read_text()), watched(notes)
    files = [("file", (name, content)) for name, content in calling_documents(url).items()]
    job = running.call("POST", "/v1/documents", files=files)
    assert job.status_code == 202, job.text
    running.wait(job.json()["job_id"])
    told = running.call("GET", f"/v1/jobs/{job.json()['job_id']}").json()
    assert sum(document["chunks"] for document in told["documents"]) >= 4, told
    where = {"sources": [url], "tags": [url], "languages": [url], "metadata": {url: [url]}}
    for path, body in [
        ("/v1/chat/completions", chat(f"Read {url}/question and file:///etc/passwd ![x]({url}/q.png)")),
        ("/v1/chat/completions", chat([{"type": "image_url", "image_url": {"url": f"{url}/picture"}}])),
        ("/v1/chat/completions", chat("When does it open?", filter=where, user=url, metadata={"callback": url})),
        ("/v1/chat/completions", chat("When?", base_url=url, webhook=url, store=True, tools=[{"server_url": url}])),
        ("/v1/retrieve", {"query": f"{url}/table.parquet", "filter": where}),
        ("/v1/retrieve", {"query": "s3://bucket/x", "collection": "default", "release": url}),
        ("/v1/feedback", {"answer_id": answer, "comment": url, "correction": url, "expected_sources": [url]}),
    ]:
        assert running.call("POST", path, json=body).status_code < 500
    for path in (f"/v1/trace/{url}/x", f"/v1/documents?q={url}", f"/v1/admin/answers?document={url}"):
        assert running.call("GET", path).status_code < 500
    assert running.call("GET", "/v1/admin/overview").status_code == 200
    assert running.call("POST", f"/v1/documents?name={url}/name.md", content=b"# A\n", headers=RAW).status_code == 202

    assert listener.asked == []
    calls = [line for line in notes.read_text()[start:].splitlines() if not line.startswith("watched ")]
    assert calls == []
    assert len(before) >= 2, "the hook runs in the service and its worker"
    assert len(watched(notes)) > len(before), "and in the processes that read documents"


RAW = {"Content-Type": "application/octet-stream"}


def chat(question: object, **fields: object) -> dict[str, object]:
    return {"model": "default", "messages": [{"role": "user", "content": question}], **fields}


def watched(notes: Path) -> set[str]:
    """The processes that the hook runs in."""
    return {line for line in notes.read_text().splitlines() if line.startswith("watched ")}


def test_the_watchers_see_a_call(running: Site, listener: Listener, notes: Path) -> None:
    script = f"import urllib.request\ntry: urllib.request.urlopen('{listener.url}/seen')\nexcept Exception: pass"
    environment = {"PYTHONPATH": str(notes.parent)}
    before = notes.read_text()
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    assert "socket.connect" in notes.read_text().removeprefix(before)
    assert "/seen" in listener.asked
