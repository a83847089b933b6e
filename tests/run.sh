#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Every test of the project, in one command, on a fresh Debian 12:
#
#   sudo tests/run.sh [--quick] [--no-sanitize] [--vm] [SUITE...]
#
# Installs the packages that are missing, builds twice (optimised with warnings as errors; with
# AddressSanitizer and UndefinedBehaviorSanitizer), runs the suites and ends with one line
#
#   N passed, N failed, N skipped
#
# and exit code 1 when something failed. Neither hugepages nor a NIC are needed. Without root
# everything runs but the tests with real hosts, which need network namespaces.
#
# The suite vm needs QEMU (80 MB) and a kernel for it. They are fetched when the suite is named or with
# --vm, and never otherwise; without them it is skipped.
set -u
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
cd "$ROOT" || exit 1
# shellcheck source=app/setup.sh
. app/setup.sh

SUITES=(lint unit packet fuzz-replay perf docs netns vm)
SANITIZED=(unit packet fuzz-replay)
BUILD=$ROOT/build-test
ASAN=$ROOT/build-asan
JOBS=$(nproc)

usage() {
    cat <<EOF
usage: tests/run.sh [--quick] [--no-sanitize] [--vm] [SUITE...]

  --quick         no sanitizer build; real hosts over af_packet only, with small transfers
  --no-sanitize   no sanitizer build
  --vm            fetch what the suite vm needs: QEMU, and a kernel below the build folder
  SUITE           some of: ${SUITES[*]}; default all
EOF
}

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

quick='' sanitize=1 vm='' wanted=()
for word in "$@"; do
    case $word in
    --quick) quick=1 sanitize='' ;;
    --no-sanitize) sanitize='' ;;
    --vm) vm=1 ;;
    -h | --help) usage && exit 0 ;;
    *)
        if [[ " ${SUITES[*]} " != *" $word "* ]]; then
            echo "tests/run.sh: there is no option or suite '$word'" >&2
            usage >&2
            exit 2
        fi
        [ "$word" != vm ] || vm=1
        wanted+=("$word") ;;
    esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=("${SUITES[@]}")

LOGS=$(mktemp -d "${TMPDIR:-/tmp}/masq-run.XXXXXX")
trap 'rm -rf "$LOGS"' EXIT
trap 'exit 130' INT TERM HUP
chmod 755 "$LOGS"

# The verdict of a whole step that is no test itself (a build): one line that tally.py adds up.
verdict() { printf '%s\n' "$*" >>"$LOGS/verdicts"; }

# What stands in the suite runs; how it ended is in the log that tally.py reads. Real hosts need
# root; everything else runs as the owner of the sources.
run_suite() {
    local dir=$1 suite=$2 label=$3 as=masq_as_owner jobs=$JOBS log
    log=$dir/meson-logs/$label.json
    rm -f "$log"
    case $suite in
    netns)
        as=env
        jobs=$((JOBS + 1)) ;; # they wait more than they work
    vm)
        as=env ;;
    esac
    if ! masq_as_owner meson introspect --tests "$dir" | grep -q "\"dpdk-masq:$suite\""; then
        verdict "failed $label: the suite has no test"
        return
    fi
    step "$label"
    "$as" meson test -C "$dir" --no-rebuild --suite "$suite" --logbase "$label" --num-processes "$jobs" \
        --print-errorlogs 2>&1 | grep -vE '^(ninja:|Full log|$)|^(Ok|Expected Fail|Fail|Unexpected Pass|Skipped|Timeout): '
    if [ -e "$log" ]; then
        cp "$log" "$LOGS/$label.json"
    else
        verdict "failed $label: meson test left no log"
    fi
}

step "packages"
if masq_deps_install build hosts test lint ${vm:+vm}; then
    say "Nothing is missing."
elif ! command -v meson >/dev/null; then
    verdict "failed packages: some are missing"
fi

step "build: optimised, warnings as errors"
if masq_build "$BUILD" --buildtype=debugoptimized --werror; then
    [ -z "$vm" ] || masq_kernel_fetch "$BUILD/vm/kernel" || verdict "failed packages: the kernel is missing"
    [ -z "$quick" ] || export MASQ_TEST_MB=20 MASQ_TEST_ONLY=af_packet
    for suite in "${wanted[@]}"; do
        run_suite "$BUILD" "$suite" "$suite"
    done
else
    verdict "failed build: $BUILD"
fi

if [ -n "$sanitize" ]; then
    step "build: AddressSanitizer and UndefinedBehaviorSanitizer"
    # -O1: the compiler needs two thirds of the time, the tests no more.
    if masq_build "$ASAN" --buildtype=debugoptimized --optimization=1 -Db_sanitize=address,undefined \
        -Db_lundef=false -Ddocs=disabled -- test-programs; then
        # DPDK keeps memory until the process ends; leaks of ours are counted by the tests themselves.
        export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
        export LSAN_OPTIONS=suppressions=$ROOT/tests/lsan.supp:print_suppressions=0
        for suite in "${SANITIZED[@]}"; do
            [[ " ${wanted[*]} " != *" $suite "* ]] || run_suite "$ASAN" "$suite" "$suite-sanitized"
        done
    else
        verdict "failed build: $ASAN"
    fi
fi

step "result"
python3 tests/tally.py "$LOGS"
