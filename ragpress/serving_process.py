"""A worker process of ``ragpress serve``: ``python -m ragpress.serving_process``, started by the supervisor."""

from __future__ import annotations

import os
import sys

import msgspec

from ragpress import console
from ragpress.errors import RagpressError


def main() -> None:
    """Serve the workspace named in the environment, until told to stop."""
    from ragpress.service import create, serve_settings  # noqa: PLC0415 - heavy
    from serving.server.inherited import WORKER_VARIABLE, Descriptors  # noqa: PLC0415 - heavy
    from serving.server.run import run  # noqa: PLC0415 - heavy

    inherited = msgspec.json.decode(os.environ[WORKER_VARIABLE], type=Descriptors)
    try:
        run(create, serve_settings(), inherited)
    except RagpressError as error:
        console.fail(error, as_json=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
