"""A new workspace: a commented settings file and the folders that people keep under version control."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ragpress.errors import UsageError
from ragpress.settings import FILE_NAME
from ragpress.storage import disk

FOLDERS = ("prompts", "cases", "repairs")

_TEMPLATE = """\
# Settings of this ragpress workspace. Every value shown is the default; docs/settings.md explains all of them.
# A table [collections.NAME.SECTION] overrides a section for one collection.

[workspace]
# Derived data: a folder, or an S3-compatible store such as "s3://bucket/prefix".
data_dir = ".ragpress"

[sources]
# Folders (or single files) to read, relative to this file or absolute.
folders = {folders}
# gitignore-style patterns; a .ragpressignore file in a folder works too.
exclude = []

[clean]
# Kinds of personal data to mask: email, phone, id_card, credit_card, iban, ip.
mask_pii = []

[audit]
# Each audit: action = "off", "mark" or "quarantine", and its threshold.
garbage = {{ action = "quarantine", threshold = 0.5 }}
injection = {{ action = "mark", threshold = 1.0 }}

[chunk]
# The most tokens of a chunk, in the embedder's own tokens.
max_tokens = 256

[embed]
# "multilingual-e5-small", "all-MiniLM-L6-v2", a folder, or any Hugging Face model name.
model = "multilingual-e5-small"

[retrieval]
k = 10
dense_weight = 1.0
lexical_weight = 1.2

[access]
# Groups that may read a document which no rule names; every caller is in "everyone".
default = ["everyone"]

[access.rules]
# Pattern of sources = groups that may read them; of the rules that match, the last one counts.
# A source begins with the name of its folder, as `ragpress documents list` shows it.
# "docs/hr/**" = ["hr"]

[answer]
# The prompt version: a file prompts/NAME.toml. `ragpress prompts add NAME` makes one.
prompt = "default"
# A sentence that its citations do not support: "keep", "mark" or "remove".
unsupported = "mark"

[generator]
# "auto" asks the server at base_url where one is set, else quotes the documents ("extractive", needs no model).
kind = "auto"
# base_url = "http://127.0.0.1:8000/v1"
# model = "the name it is served under"

[gate]
# Before a release goes live the accepted cases of cases/ are run on it and on the live one.
# A metric that is worse by no more than this is let through; `ragpress eval compare` shows them all.
margin = 0.02
# The least that a release must reach, whatever the live one does, for example {{ "recall@10" = 0.8 }}.
floors = {{}}

[loop]
# What `ragpress worker` and `ragpress serve --loop` do with feedback: "auto" publishes proven repairs of the kinds
# below when the gate passes them; "approve" lets every repair wait for a person; "off" only says what is wrong.
publish = "auto"
auto_repairs = ["quarantine", "supersede", "reparse", "restore", "cleaning"]
# What the loop may spend in 24 hours.
max_model_tokens = 500000
max_embeddings = 100000

[release]
# Releases kept by `ragpress releases gc`, beside the live one.
keep = 10
"""


def create_workspace(folder: Path, sources: Sequence[Path]) -> Path:
    """Create a workspace.

    Args:
        folder: its folder; made if missing.
        sources: folders of documents to read; ``docs`` inside the workspace when empty.

    Returns:
        The workspace's absolute path.

    Raises:
        UsageError: it is a workspace already, or a source does not exist.
    """
    root = folder.resolve()
    if (root / FILE_NAME).exists():
        raise UsageError(f"{root} already has a {FILE_NAME}. Edit it, or choose another folder.")
    for source in sources:
        if not source.exists():
            raise UsageError(f"Source {source} does not exist. Create it, or name another folder with --source.")
    names = [_relative(source, root) for source in sources] or ["docs"]
    for name in (*FOLDERS, *(() if sources else ("docs",))):
        disk.make_folder(root / name)
    body = _TEMPLATE.format(folders=json.dumps(names, ensure_ascii=False))
    disk.write_file(root / FILE_NAME, body.encode())
    return root


def _relative(source: Path, root: Path) -> str:
    relative = os.path.relpath(source, root)
    return str(source) if relative.startswith("..") else relative
