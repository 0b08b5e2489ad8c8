"""Run a command that dies with the process that started it: ``python tether.py PARENT NICENESS COMMAND…``.

A service that is killed cannot end its children. So this asks the kernel to (on Linux), lowers the priority, and then
becomes the command. It imports nothing of ragpress, to start fast.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(words: list[str]) -> None:
    """Become a command.

    Args:
        words: process id of the parent, what to add to the niceness, and the command with its arguments.
    """
    parent, niceness, command = int(words[0]), int(words[1]), words[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            sys.exit(1)
    with contextlib.suppress(OSError):
        os.nice(niceness)
    os.execv(command[0], command)  # noqa: S606 - the service's own command line


if __name__ == "__main__":
    main(sys.argv[1:])
