#!/usr/bin/env bash
# Looks after the trips of a stage; `./saga.sh --help` tells the commands.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/tools/setup.sh"

setup local
exec .venv/bin/python -m tools.cli "$@"
