"""Every error that ragpress raises on purpose.

RagpressError
├── SettingsError            the settings file or an option is wrong (exit code 2)
├── SourceError              a source folder cannot be walked
├── DocumentError            one document cannot be used; it is quarantined, the run goes on
│   ├── ParseError           its bytes cannot be turned into text
│   │   ├── EncryptedError   it needs a password
│   │   ├── TooLargeError    it exceeds a size limit
│   │   ├── TimeLimitError   its parser ran past the time limit
│   │   └── ParserDiedError  its parser crashed or ran out of memory
│   ├── AuditError           an audit quarantined it
│   └── ChunkError           a chunker gave chunks that cannot be used
├── MissingDependencyError   an optional package is needed; carries the pip line
├── ModelError               an embedding model cannot be found or loaded
├── GeneratorError           no answer could be generated
│   ├── GeneratorUnavailableError  the server cannot be reached, or its circuit is open; try again later
│   ├── GeneratorBusyError   the server refuses more requests for now; carries the seconds to wait
│   ├── GeneratorTimeoutError  it did not answer, or stopped answering, in the set time
│   ├── GeneratorProtocolError  it sent something that is not the protocol
│   └── GeneratorRefusedError  it refused this request (a wrong key, model or length)
├── StorageError             reading or writing stored data failed
│   ├── NotFoundError        the object does not exist
│   ├── IntegrityError       a stored file is not what its manifest says
│   ├── ConflictError        compare-and-swap lost: somebody else moved the pointer
│   └── UnknownOutcomeError  the store did not say whether the write happened
├── WriterBusyError          another writer holds the collection
├── ServiceError            the service cannot run: its address is taken, its workers keep dying
├── ServiceFullError         too many requests wait already; carries the seconds to wait
├── ReleaseError             a release does not exist or cannot be used
├── GateRefusedError         the gate refused the candidate (exit code 4)
└── UsageError               a command was called with values that make no sense (exit code 2)

A message says what was expected, what was found, and what to do next.
"""

from __future__ import annotations


class RagpressError(Exception):
    """Base of every error raised on purpose by ragpress."""


class SettingsError(RagpressError):
    """A setting is missing, unknown or out of range."""


class UsageError(RagpressError):
    """A command was called with arguments that make no sense together."""


class SourceError(RagpressError):
    """A source folder cannot be walked."""


class DocumentError(RagpressError):
    """One document cannot be used. The message is the reason a person reads in the quarantine.

    Attributes:
        step: the step that refused it: ``scan``, ``parse``, ``clean``, ``audit`` or ``chunk``.
    """

    step = "scan"


class ParseError(DocumentError):
    """The bytes of a document cannot be turned into text."""

    step = "parse"


class EncryptedError(ParseError):
    """The document needs a password."""


class TooLargeError(ParseError):
    """The document, or what it unpacks to, exceeds a limit."""


class TimeLimitError(ParseError):
    """The parser ran past the time limit of one document."""


class ParserDiedError(ParseError):
    """The parser process crashed or ran out of its memory limit."""


class AuditError(DocumentError):
    """An audit measured the document and its action is to quarantine."""

    step = "audit"


class ChunkError(DocumentError):
    """A chunker gave chunks that are no spans of the document's text, or too long for the embedder."""

    step = "chunk"


class MissingDependencyError(RagpressError):
    """An optional package is not installed.

    Attributes:
        install: the exact command that installs it.
    """

    def __init__(self, what: str, install: str) -> None:
        super().__init__(f"{what} is not installed. Install it with: {install}")
        self.install = install


class ModelError(RagpressError):
    """An embedding model cannot be found, loaded or converted."""


class GeneratorError(RagpressError):
    """No answer could be generated.

    Attributes:
        retry_after: seconds after which another try may succeed; None when it will not.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GeneratorUnavailableError(GeneratorError):
    """The server cannot be reached, answers with a fault, or its circuit is open."""


class GeneratorBusyError(GeneratorError):
    """The server refuses more requests for now."""


class GeneratorTimeoutError(GeneratorError):
    """The server did not answer, or stopped answering, in the set time."""


class GeneratorProtocolError(GeneratorError):
    """The server sent something that is not the protocol, or broke off in the middle."""


class GeneratorRefusedError(GeneratorError):
    """The server refused this request and will refuse it again."""


class StorageError(RagpressError):
    """Reading or writing stored data failed."""


class NotFoundError(StorageError):
    """The object does not exist in the store."""


class IntegrityError(StorageError):
    """A stored file is not what its manifest says (size or SHA-256 differ)."""


class ConflictError(StorageError):
    """A compare-and-swap lost because the pointer had moved."""


class UnknownOutcomeError(StorageError):
    """The store failed after the request was sent: the write may or may not have happened."""


class WriterBusyError(RagpressError):
    """Another writer holds the collection."""


class ServiceError(RagpressError):
    """The service cannot run."""


class ServiceFullError(RagpressError):
    """The service makes as many answers as it may, and as many requests wait as may.

    Attributes:
        retry_after: seconds after which another try may succeed.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ReleaseError(RagpressError):
    """A release does not exist or cannot be used."""


class GateRefusedError(RagpressError):
    """The gate refused the candidate; the live release is unchanged.

    Attributes:
        reasons: one sentence per rule that failed.
        release: id of the candidate, which is kept; "" where the message need not name it.
        evaluation: id of its evaluation; None where no cases were run.
    """

    def __init__(self, reasons: tuple[str, ...], release: str = "", evaluation: str | None = None) -> None:
        said = "; ".join(reason.rstrip(".") for reason in reasons)
        report = f" Its report: ragpress eval show {evaluation}" if evaluation else ""
        anyway = f" Publish it all the same with: ragpress releases publish {release} --override WHY" if release else ""
        super().__init__(f"The gate refused {release or 'the candidate'}: {said}.{report}{anyway}")
        self.reasons = reasons
        self.release = release
        self.evaluation = evaluation
