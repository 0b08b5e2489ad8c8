"""What a worker process gives up before it reads a document: memory, files, network, outliving its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys

from ragpress.errors import ParseError

FILE_BYTES = 1 << 20
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_FORBIDDEN = frozenset(
    [
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
    ]
)


def confine(memory_mb: int, parent: int) -> None:
    """Give up what parsing never needs. Limits that the kernel refuses are left out; the rest still holds.

    Args:
        memory_mb: address space, MiB.
        parent: end when this process ends; 0 when the starting thread may end before the pool does.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, FILE_BYTES)
    _limit(resource.RLIMIT_AS, memory_mb * (1 << 20))
    if sys.platform == "linux":
        _confine_linux(parent)
    sys.addaudithook(_refuse_network)


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has no limit on address space
        resource.setrlimit(kind, (wanted, wanted))


def _confine_linux(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if parent:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
    # a user namespace would take root's right to read other users' files, so it is only the second choice
    if libc.unshare(_CLONE_NEWNET) != 0 and os.geteuid() != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _refuse_network(event: str, _: tuple[object, ...]) -> None:
    if event in _FORBIDDEN:
        raise ParseError(f"The document made its parser attempt {event}, which is never allowed.")
