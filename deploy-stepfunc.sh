#!/usr/bin/env bash
# Lints the state machines and deploys them, with the stack that owns them: a machine updated beside its stack would
# drift from it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/tools/setup.sh"

if ! is_target "$@"; then
  echo "usage: ./deploy-stepfunc.sh <stage> [<region> <profile>]   (stage local takes no region or profile)" >&2
  exit 1
fi
setup local
exec .venv/bin/python -m tools.deploy deploy "$@"
