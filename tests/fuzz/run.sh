#!/bin/sh
# Runs each fuzz program for so many seconds over its corpus.
#   run.sh SECONDS [build folder [program ..]]
# New inputs go to <build>/fuzz-corpus/<name>; what crashes goes to <build>/fuzz-crashes/.
set -eu

seconds=${1:?usage: run.sh SECONDS [build folder [program ..]]}
build=${2:-build/fuzz}
here=$(dirname "$0")
[ $# -ge 2 ] && shift 2 || shift
[ $# -gt 0 ] || set -- $(cd "$here" && ls fuzz_*.c | sed 's/\.c$//')

mkdir -p "$build/fuzz-crashes"
for program in "$@"; do
    [ -x "$build/tests/fuzz/$program" ] || { echo "not built: $build/tests/fuzz/$program"; exit 2; }
    name=${program#fuzz_}
    grown="$build/fuzz-corpus/$name"
    seeds="$here/corpus/$name"
    mkdir -p "$grown"
    [ -d "$seeds" ] || seeds=
    echo "== $program for $seconds s"
    "$build/tests/fuzz/$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="$build/fuzz-crashes/$program-" \
        "$grown" $seeds 2>&1 | grep -E '^(stat::|==|SUMMARY|.*ERROR)|crash|timeout' || true
done
if [ -n "$(ls "$build/fuzz-crashes")" ]; then
    echo "found: $(ls "$build/fuzz-crashes")"
    exit 1
fi
