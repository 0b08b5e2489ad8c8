"""Threads may decode types that msgspec has learnt before."""

from __future__ import annotations

import subprocess
import sys

# Without the call, a thread that meets a half-learnt type ends the process with a segmentation fault.
DECODING = """
import msgspec, sys, threading, types
from ragpress.struct_types import learn_struct_types
fields = "    a: int = 0\\n    b: dict[str, list[int]] = {}\\n    c: tuple[str, ...] = ()\\n"
source = "from __future__ import annotations\\nimport msgspec\\n" + "".join(
    f"class S{i}(msgspec.Struct):\\n{fields}    d: S{i - 1} | None = None\\n" if i else
    f"class S0(msgspec.Struct):\\n{fields}" for i in range(12)
)
decoded = []
for _ in range(20):
    module = sys.modules["structs"] = types.ModuleType("structs")
    exec(source, module.__dict__)
    known = learn_struct_types()
    start = threading.Barrier(4)

    def decode():
        start.wait()
        decoded.append(msgspec.json.decode(b'{"a": 1, "d": {"a": 2, "d": {"a": 3}}}', type=module.S11))

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(known, len(decoded), {one.d.d.a for one in decoded})
"""


def test_threads_decode_what_was_learnt() -> None:
    done = subprocess.run([sys.executable, "-c", DECODING], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    known, decoded, values = done.stdout.split(maxsplit=2)
    assert int(known) >= 12
    assert (decoded, values.strip()) == ("80", "{3}")
