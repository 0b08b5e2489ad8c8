"""What a newcomer runs: the sample folder, the demo on it, and the scripts that write generated files.

- ``demo``: ``make demo``; drives the real command line on a copy of the sample folder and checks it.
- ``make_sample``: writes the binary documents of ``examples/sample`` from ``examples/sources``.
- ``make_docs``: writes ``docs/settings.md``, ``docs/cli.md`` and ``docs/modules.md`` from the code.
"""
