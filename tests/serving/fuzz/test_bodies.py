"""Bodies, paths and methods that no generator of valid JSON makes, against a real service: our error, never a 5xx.

Afterwards the service answers as before, and its log holds no fault.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.serving.fuzz.site import Site, site

pytestmark = pytest.mark.process

JSON = {"Content-Type": "application/json"}
SURROGATES = ("\ud800", "\udfff", "a\ud83d", "\ude00\ud83d")
ODD = ("\x00", "\x1b[31mred", "\r\nSet-Cookie: a=b", "\u202eevil", "{{7*7}}", "${7*7}", "%s%n", "\ufeff", "\U000e0041")
ROLES_OF_NONE = {"role": "user", "content": "When does the reading room open?"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("bodies"), keys=False) as running:
        yield running
        assert running.call("POST", "/v1/chat/completions", json=chat("When does it open?")).status_code == 200
        faults = [line for line in running.service.log.splitlines() if "a request failed" in line]
        assert faults == []


def chat(question: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "default", "messages": [{"role": "user", "content": question}], **fields}


def endpoints(running: Site) -> dict[str, dict[str, Any]]:
    """A good body for every endpoint that takes JSON."""
    answer, document = running.found["answer"][0], running.found["document"][0]
    return {
        "/v1/chat/completions": chat("When does it open?"),
        "/v1/retrieve": {"query": "opening hours"},
        "/v1/feedback": {"answer_id": answer, "rating": "up"},
        f"/v1/documents/{document}/quarantine": {"reason": "old"},
        f"/v1/releases/{running.found['release'][0]}/publish": {"override": "needed"},
        "/v1/releases/rollback": {"release": running.found["release"][0]},
    }


def told(response: Any, *statuses: int) -> dict[str, Any]:
    """The error of a response that must be one."""
    assert response.status_code in (statuses or (400,)), (response.status_code, response.text[:500])
    assert response.headers["content-type"] == "application/json"
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert "Traceback" not in response.text
    assert "/usr/" not in response.text
    return error


BROKEN = {
    "nothing": b"",
    "blank": b"  \n ",
    "no JSON": b"hello",
    "half": b'{"model": "default", "messages": [',
    "bad UTF-8": b'{"model": "default", "messages": [{"role": "user", "content": "\xff\xfe"}], "query": "\xff"}',
    "NUL": b"\x00\x00\x00",
    "a list": b"[]",
    "a number": b"1e999",
    "null": b"null",
    "a text": b'"text"',
    "deep lists": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"query":' * 10_000 + b"1" + b"}" * 10_000,
    "deep lists that do not end": b"[" * 200_000,
    "a deep filter": b'{"query":"a","filter":' + b'{"metadata":' * 10_000 + b"1" + b"}" * 10_001,
    "a huge number": b'{"query": "a", "k": ' + b"9" * 100_000 + b"}",
    "NaN": b'{"query": "a", "k": NaN}',
    "infinity": b'{"query": "a", "k": -Infinity}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_body_is_told(running: Site, name: str) -> None:
    for path in endpoints(running):
        response = running.call("POST", path, content=BROKEN[name], headers=JSON)
        if name in ("nothing", "null") and path.endswith("/publish"):
            assert response.status_code == 200  # its body may be left out
            continue
        assert told(response, 400)["type"] == "invalid_request_error"


@pytest.mark.parametrize("number", ["1e400", "NaN", "Infinity", "1" * 5000, "-1" + "0" * 400, "1e-400", "1.5e308"])
@pytest.mark.parametrize("field", ["k", "temperature", "seed", "max_tokens", "n", "unknown"])
def test_numbers_beyond_reason(running: Site, field: str, number: str) -> None:
    body = json.dumps(chat("When does it open?"))[:-1] + f', "{field}": {number}}}'
    response = running.call("POST", "/v1/chat/completions", content=body.encode(), headers=JSON)
    assert response.status_code == 200 or told(response)


def test_of_a_key_that_comes_twice_the_last_one_counts_everywhere(running: Site) -> None:
    body = b'{"query": "nothing at all", "k": 1, "k": 2, "query": "reading room"}'
    response = running.call("POST", "/v1/retrieve", content=body, headers=JSON)
    assert response.status_code == 200
    assert len(response.json()["hits"]) == 2


@pytest.mark.parametrize("text", [*SURROGATES, *ODD])
def test_odd_characters_in_every_text(running: Site, text: str) -> None:
    answer, document = running.found["answer"][0], running.found["document"][0]
    bodies = [
        ("/v1/chat/completions", chat(text)),
        ("/v1/chat/completions", chat(f"When does the reading room open? {text}")),
        ("/v1/chat/completions", chat("When?", stream=True, user=text)),
        ("/v1/chat/completions", chat([{"type": "text", "text": text}])),
        ("/v1/chat/completions", chat("When?") | {"model": text}),
        (
            "/v1/chat/completions",
            {"model": "default", "messages": [{"role": "system", "content": text}, ROLES_OF_NONE]},
        ),
        ("/v1/chat/completions", chat("When?", **{text: text})),
        ("/v1/retrieve", {"query": text}),
        ("/v1/retrieve", {"query": text, "explain": True}),
        *(("/v1/retrieve", {"query": "hours", "filter": where}) for where in filters(text)),
        ("/v1/retrieve", {"query": "hours", "collection": text}),
        ("/v1/retrieve", {"query": "hours", "release": text}),
        ("/v1/feedback", {"answer_id": text, "rating": "up"}),
        ("/v1/feedback", {"answer_id": answer, "comment": text}),
        ("/v1/feedback", {"answer_id": answer, "correction": text, "expected_sources": [text]}),
        ("/v1/releases/rollback", {"release": text}),
        ("/v1/releases/rollback", {"collection": text}),
        (f"/v1/documents/{document}/quarantine", {"reason": text}),
        (f"/v1/documents/{document}/restore", {}),
    ]
    for path, body in bodies:
        # ASCII, as a client's encoder escapes it: a lone surrogate has no UTF-8.
        response = running.call("POST", path, content=json.dumps(body).encode(), headers=JSON)
        assert response.status_code < 300 or told(response, 400, 404, 409), (path, body)
        assert "\r\nSet-Cookie" not in str(response.headers)
    assert running.call("GET", "/v1/feedback").status_code == 200
    assert running.call("GET", "/v1/admin/answers").status_code == 200
    assert running.call("GET", f"/v1/answers/{answer}").status_code == 200
    assert running.call("GET", f"/v1/trace/{answer}").status_code == 200


@pytest.mark.parametrize("unit", ["一", "九亿", "9", "1-", "A.B.", "...", "[1]", "http://", "年", "\u200b", "-", " "])
def test_long_texts_of_one_piece(running: Site, unit: str) -> None:
    question, earlier = (unit * 16_000)[:16_000], (unit * 400_000)[:400_000]
    history = [{"role": "user", "content": earlier}, {"role": "assistant", "content": earlier[:50_000]}]
    bodies = [
        ("/v1/chat/completions", chat(question)),
        ("/v1/chat/completions", chat(f"How many {question} are there?", stream=True)),
        ("/v1/chat/completions", chat("When?") | {"messages": [*history, *chat("And on Sundays?")["messages"]]}),
        ("/v1/retrieve", {"query": question, "filter": {"sources": [question[:500]]}}),
        ("/v1/retrieve", {"query": "hours", "filter": {"sources": ["*?" * 200 + "b", "**/*a" * 90]}}),
    ]
    for path, body in bodies:
        response = running.call("POST", path, content=json.dumps(body).encode(), headers=JSON)
        assert response.status_code == 200 or told(response, 400, 413), response.text[:300]


def filters(text: str) -> Iterator[dict[str, Any]]:
    """A filter for every field that takes a text."""
    for name in ("sources", "languages", "tags"):
        yield {name: [text]}
    for name in ("after", "before"):
        yield {name: text}
    yield {"metadata": {text: [text]}}


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\windows\\system.ini",
        "/etc/passwd",
        "a\x00.md",
        "\ud800.md",
        "a\r\nX-Evil: 1.md",
        ".",
        "..",
        "",
        " ",
        "x" * 5000 + ".md",
        "<script>alert(1)</script>.md",
        "{{7*7}}.md",
        "CON.md",
        ".hidden.md",
        "%2e%2e%2fevil.md",
        "\u202edm.exe",
    ],
)
def test_names_of_uploads(running: Site, name: str) -> None:
    before = sorted(running.service.root.rglob("*evil*")) + sorted(running.service.root.rglob("passwd*"))
    raw = quote(name, safe="", errors="surrogatepass")
    content = {"Content-Type": "application/octet-stream"}
    response = running.call("POST", f"/v1/documents?name={raw}", content=b"# Hello\n", headers=content)
    assert response.status_code == 202 or told(response, 400, 413)
    sent = name.replace('"', "%22").encode("utf-8", "surrogatepass")
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n# Hi\n\r\n--b--\r\n' % sent
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    posted = running.call("POST", "/v1/documents", content=body, headers=form)
    assert posted.status_code == 202 or told(posted, 400, 413)
    uploads = running.service.root / "uploads"
    for answer in (response, posted):
        for document in answer.json().get("documents", ()):
            assert document["source"].startswith("uploads/default/local/")
            assert ".." not in document["source"].split("/")
    after = sorted(running.service.root.rglob("*evil*")) + sorted(running.service.root.rglob("passwd*"))
    assert all(uploads in path.parents or "arriving" in str(path) for path in set(after) - set(before)), after


@pytest.mark.parametrize(
    ("query", "form", "status"),
    [("default", "default", 202), ("default", "Oc*", 404), ("default", "other", 404), ("", "", 400), (None, "", 404)],
)
def test_every_named_collection_must_exist(running: Site, query: str | None, form: str, status: int) -> None:
    params = {} if query is None else {"collection": query}
    files = {"file": ("a.md", b"# A\n")}
    response = running.call("POST", "/v1/documents", params=params, data={"collection": form}, files=files)
    assert response.status_code == status, response.text


@pytest.mark.parametrize(
    "segment",
    [
        "..",
        "../../etc/passwd",
        "%00",
        "\x00",
        "\r\nX-Evil: 1",
        "%",
        "%zz",
        "\ud800",
        "\u202e",
        "a" * 10_000,
        "' OR 1=1 --",
        "{{7*7}}",
        "<script>",
        "#1",
        "?x",
        ";jsessionid=1",
        "*",
        "[",
        "\\",
    ],
)
def test_odd_ids_in_paths(running: Site, segment: str) -> None:
    inside = quote(segment, safe="", errors="surrogatepass")
    paths = {
        "GET": [
            f"/v1/answers/{inside}",
            f"/v1/trace/{inside}",
            f"/v1/documents/{inside}",
            f"/v1/documents/{inside}/text",
            f"/v1/documents/{inside}/original",
            f"/v1/jobs/{inside}",
            f"/v1/models/{inside}",
            f"/v1/releases/{inside}",
            f"/v1/releases/{inside}/diff/{inside}",
            f"/static/{inside}",
            f"/{inside}",
            f"/v1/documents?collection={inside}",
            f"/v1/documents?after={inside}",
            f"/v1/documents/{running.found['document'][0]}/text?release={inside}",
            f"/v1/feedback?collection={inside}",
            f"/v1/jobs?after={inside}",
            f"/v1/admin/answers?document={inside}&release={inside}&before={inside}",
            f"/v1/admin/overview?zone={inside}",
            f"/v1/trace/x?collection={inside}&release={inside}",
        ],
        "DELETE": [f"/v1/documents/{inside}"],
        "POST": [
            f"/v1/documents/{inside}/quarantine",
            f"/v1/documents/{inside}/restore",
            f"/v1/releases/{inside}/publish",
        ],
    }
    for method, each in paths.items():
        for path in each:
            response = running.call(method, path, json={} if method == "POST" else None)
            assert response.status_code == 200 or told(response, 400, 404, 405, 409), path
            assert "x-evil" not in response.headers


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/healthz", "/", "/nowhere", "/v1/documents"])
@pytest.mark.parametrize(
    "method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "PROPFIND", "QUERY", "post", "GET\x00", "\u00e9"]
)
def test_methods(running: Site, method: str, path: str) -> None:
    status, head, body = raw(running, f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert status in {200, 204, 400, 403, 404, 405, 501}
    assert "transfer-encoding: chunked" not in head.lower() or status == 200
    if method == "HEAD":
        assert body == b""
    if method == "TRACE":
        assert status in {400, 404, 405}


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", "X-Original-URL: /v1/jobs"]
)
def test_no_header_changes_what_is_asked(running: Site, header: str) -> None:
    document = running.found["document"][0]
    status, _, body = raw(
        running, f"GET /v1/documents/{document} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nConnection: close\r\n\r\n"
    )
    assert status == 200
    assert json.loads(body)["document_id"] == document


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data; boundary=b",
        "application/octet-stream",
        "application/jsonx",
        "text/json",
        "application/vnd.api+json",
        "application/json, text/plain",
        "\u00e9",
    ],
)
def test_wrong_content_types(running: Site, kind: str) -> None:
    for path, body in endpoints(running).items():
        headers = {"Content-Type": kind.encode("latin-1")}
        response = running.call("POST", path, content=json.dumps(body).encode(), headers=headers)
        told(response, 415)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_compressed_body_is_not_inflated(running: Site, encoding: str) -> None:
    import gzip

    packed = gzip.compress(b'{"query": "' + b"a" * 1_000_000 + b'"}')
    headers = {**JSON, "Content-Encoding": encoding}
    told(running.call("POST", "/v1/retrieve", content=packed, headers=headers), 400, 415)


def raw(running: Site, text: str) -> tuple[int, str, bytes]:
    """Send bytes and read the first response until the connection closes: status, head, body."""
    with socket.create_connection(("127.0.0.1", running.service.port), timeout=60) as connection:
        connection.sendall(text.encode("latin-1"))
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.decode("latin-1"), body
