#!/bin/sh
# Builds vLLM's own environment on a machine without a GPU: install-cpu.sh FOLDER [PYTHON]
# vLLM pins other versions of fastapi, transformers and numpy than ragpress, so the two never share an environment.
set -eu

folder=${1:?"expected the folder of the environment, found nothing; for example: install-cpu.sh .venv-vllm"}
python=${2:-python3}
here=$(cd "$(dirname "$0")" && pwd)
stamp="$folder/.installed"

if [ -e "$stamp" ] && [ ! "$here/constraints.txt" -nt "$stamp" ]; then
  exit 0
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
  echo "deploy/vllm/constraints.txt is for Python 3.11, found $("$python" --version 2>&1)." \
    "Name one with: make vllm VLLM_PYTHON=python3.11" >&2
  exit 1
fi

"$python" -m venv "$folder"
# torch comes first and by itself: an index that serves the CUDA build is then told apart (see docs/gpu.md).
"$folder/bin/python" -m pip --disable-pip-version-check install --quiet \
  --constraint "$here/constraints.txt" torch setuptools
"$folder/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps --requirement "$here/constraints.txt"
"$folder/bin/python" -c 'import torch, vllm; print("vLLM", vllm.__version__, "on torch", torch.__version__)'
touch "$stamp"
