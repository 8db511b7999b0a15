#!/usr/bin/env bash
# Builds, deploys and checks the project; installs what it needs by itself. See usage below.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/tools/setup.sh"

usage() {
  cat >&2 <<'EOF'
usage: ./build.sh deploy   <stage> [<region> <profile>] [--yes]   deploy the stack and its offers; prod asks first
       ./build.sh rollback <stage> [<region> <profile>]           go back one release; data stay as they are
       ./build.sh remove   <stage> [<region> <profile>]           remove the stack
       ./build.sh package  <stage>                                build the Lambda package
       ./build.sh test     [--quick | --deep]                     run every test; --quick: what needs no server;
                                                                  --deep: the longest explorations of the model too
       ./build.sh lint     [<linter> …]                           run every linter
       ./build.sh bench    [--quick] [<measure> …]                measure; a full run takes a quarter of an hour
       ./build.sh mutants  [--help] [<option> …]                  break the code in thousands of places and count what
                                                                  no test notices; stops after 90 minutes, goes on next time
       ./build.sh sbom                                            write what is installed, as CycloneDX

A stage is up to 20 of a-z, 0-9 and -. Stage local is the embedded AWS and takes no region or profile.
EOF
  exit 1
}

run_tests() {
  local code=0
  if [ "${1:-}" = --quick ]; then
    exec .venv/bin/python -m pytest -q -n 2 -m "not server and not slow" --ignore tests/local --ignore tests/browser
  fi
  if [ "${1:-}" = --deep ]; then
    export DEEP=1
  fi
  .venv/bin/python -m tools.lint || code=1
  .venv/bin/python -m pytest -q -n 2 --dist loadfile --ignore tests/local --ignore tests/browser || code=1
  # Two embedded AWS, one for each worker; it spends much of a test waiting for its functions.
  .venv/bin/python -m pytest -q -n 2 --dist loadfile tests/local || code=1
  .venv/bin/python -m pytest -q -rs tests/browser || code=1
  exit $code
}

command=${1:-}
[ $# -eq 0 ] || shift
case "$command" in
  deploy | rollback | remove)
    yes=()
    if [ "$command" = deploy ] && [ "${*: -1}" = --yes ]; then
      yes=(--yes)
      set -- "${@:1:$#-1}"
    fi
    is_target "$@" || usage
    setup local
    exec .venv/bin/python -m tools.deploy "$command" "$@" ${yes[@]+"${yes[@]}"}
    ;;
  package)
    if [ $# -ne 1 ] || ! is_stage "$1"; then usage; fi
    setup local
    exec .venv/bin/python -m tools.deploy package "$1"
    ;;
  test)
    [ $# -eq 0 ] || [ "$*" = --quick ] || [ "$*" = --deep ] || usage
    setup dev
    run_tests "$@"
    ;;
  mutants)
    setup dev
    [ -x .local/mutants/venv/bin/mutmut ] || .venv/bin/python -m venv .local/mutants/venv
    .local/mutants/venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-mutants.txt
    # It runs the tests in its own process, so it needs what they need; its own packages come first.
    .venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
      >"$(.local/mutants/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests.pth"
    exec .venv/bin/python -m tools.mutants "$@"
    ;;
  sbom)
    [ $# -eq 0 ] || usage
    setup local
    [ -x .local/sbom/venv/bin/cyclonedx-py ] || .venv/bin/python -m venv .local/sbom/venv
    .local/sbom/venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-sbom.txt
    .local/sbom/venv/bin/cyclonedx-py requirements requirements.txt --output-file .local/sbom/python.cdx.json
    npm sbom --package-lock-only --sbom-format cyclonedx >.local/sbom/node.cdx.json
    ls .local/sbom/*.cdx.json
    ;;
  lint)
    setup dev
    exec .venv/bin/python -m tools.lint "$@"
    ;;
  bench)
    setup dev
    exec .venv/bin/python -m bench "$@"
    ;;
  *) usage ;;
esac
