# shellcheck shell=bash
# Sourced by the scripts. `setup local|dev` makes .venv and node_modules what the lock files say; when they are already,
# it takes some milliseconds. `dev` has everything `local` has.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT" || exit

die() {
  local code=$1
  shift
  echo "$*" >&2
  exit "$code"
}

is_stage() { [[ "${1:-}" =~ ^[a-z][a-z0-9-]{0,19}$ ]]; }

# Whether the arguments are a stage and, unless it is local, a region and a profile.
is_target() {
  is_stage "${1:-}" || return 1
  case $# in
    1) [ "$1" = local ] ;;
    3) [ -n "$2" ] && [ -n "$3" ] ;;
    *) return 1 ;;
  esac
}

# A version manager's shims may exist and yet fail, so each candidate is run.
find_python() {
  local python
  for python in "${PYTHON:-}" python3.13 python3.12 python3.11 python3.14 python3 python; do
    [ -n "$python" ] || continue
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$python"
      return
    fi
  done
  die 3 "Python 3.11 or newer with its venv module is needed; install it, or name it: PYTHON=/path/to/python3 $0"
}

check_node() {
  local name
  for name in node npm; do
    command -v "$name" >/dev/null || die 3 "$name is needed (Node.js 20.19 or newer); install Node.js"
  done
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' \
    || die 3 "Node.js 20.19 or newer is needed; this is $(node --version)"
}

# The stamp is the lock file itself, put in last: an interrupted set-up leaves none.
python_is_current() {
  local stamp=.venv/.lock-dev
  [ -x .venv/bin/python ] || return 1
  cmp -s requirements-dev.txt $stamp && return
  [ "$1" = local ] && cmp -s requirements-local.txt .venv/.lock-local
}

node_is_current() { cmp -s package-lock.json node_modules/.lock; }

install_python() {
  python_is_current "$1" && return
  if [ -e .venv/.unfinished ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then make_venv; fi
  rm -f .venv/.lock-*
  touch .venv/.unfinished
  echo "setup: Python packages ($1) …" >&2
  .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
    -r "requirements-$1.txt" >&2 || die 3 "setup: the Python packages could not be installed (see above)"
  cp "requirements-$1.txt" ".venv/.lock-$1"
  rm .venv/.unfinished
  echo "setup: Python packages done (${SECONDS} s)" >&2
}

make_venv() {
  local python
  python=$(find_python) || exit $?
  rm -rf .venv
  echo "setup: Python environment with $("$python" --version)" >&2
  "$python" -m venv .venv || die 3 "setup: the Python environment could not be made (see above)"
}

install_node() {
  node_is_current && return
  check_node
  echo "setup: Node packages …" >&2
  npm ci --no-progress --loglevel=error >&2 || die 3 "setup: the Node packages could not be installed (see above)"
  cp package-lock.json node_modules/.lock
  echo "setup: Node packages done (${SECONDS} s)" >&2
}

# A hard link is made by one only, and says at once who made it; flock is not on macOS.
lock_setup() {
  mkdir -p .local
  local waited=0
  # This subshell's own pid: $$ is the script's, and BASHPID is not in the bash of macOS.
  # shellcheck disable=SC2016
  self=$(exec sh -c 'echo $PPID')
  echo "$self" >".local/setup.$self"
  trap 'rm -f ".local/setup.$self"' EXIT
  trap 'exit 130' INT TERM
  until ln ".local/setup.$self" .local/setup.lock 2>/dev/null; do
    if clear_dead_lock; then continue; fi
    if [ $waited = 0 ]; then echo "setup: another set-up is running, waiting for it …" >&2; fi
    waited=$((waited + 1))
    [ $waited -lt 600 ] || die 3 "setup: .local/setup.lock is held for ten minutes; remove .local/setup.* if no set-up runs"
    sleep 1
  done
  trap 'rm -f .local/setup.lock ".local/setup.$self"' EXIT
}

lock_is_dead() {
  local owner
  owner=$(cat .local/setup.lock 2>/dev/null) && [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null
}

# Of several that see a dead owner's lock one looks again and removes it; else the next might remove its successor's.
clear_dead_lock() {
  lock_is_dead && ln ".local/setup.$self" .local/setup.takeover 2>/dev/null || return 1
  if lock_is_dead; then rm -f .local/setup.lock; fi
  rm -f .local/setup.takeover
}

# Runs in a subshell, so that its trap and its exit are its own.
setup_in_parallel() (
  lock_setup
  SECONDS=0
  code=0
  install_node &
  node_job=$!
  (install_python "$1") || code=$?
  wait $node_job || code=$?
  exit $code
)

setup() {
  if python_is_current "$1" && node_is_current; then return; fi
  setup_in_parallel "$1" || exit $?
}
