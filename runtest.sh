#!/usr/bin/env bash
# Runs one trip on the last deployed stage and shows it; `./runtest.sh --help` tells the options.
set -euo pipefail
from=$PWD
source "$(dirname "${BASH_SOURCE[0]}")/tools/setup.sh"

setup local
# The folder that a relative path of an event starts from.
export SAGA_FROM=$from
exec .venv/bin/python -m tools.runtest "$@"
