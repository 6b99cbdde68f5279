#!/bin/sh
# Runs each fuzz program for so many seconds over its corpus.
#   run.sh SECONDS [build folder [program ..]]
# New inputs go to <build>/fuzz-corpus/<name>, from where the next run goes on; what crashes goes to
# <build>/fuzz-crashes/; how often each was run is added to <build>/fuzz-executions.
set -eu

seconds=${1:?usage: run.sh SECONDS [build folder [program ..]]}
build=${2:-build/fuzz}
here=$(dirname "$0")
[ $# -ge 2 ] && shift 2 || shift
[ $# -gt 0 ] || set -- $(cd "$here" && ls fuzz_*.c | sed 's/\.c$//')

mkdir -p "$build/fuzz-crashes"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    [ -x "$build/tests/fuzz/$program" ] || { echo "not built: $build/tests/fuzz/$program"; exit 2; }
    name=${program#fuzz_}
    grown="$build/fuzz-corpus/$name"
    seeds="$here/corpus/$name"
    dict="$here/dict/$name.dict"
    mkdir -p "$grown"
    [ -d "$seeds" ] || seeds=
    [ -f "$dict" ] && dict="-dict=$dict" || dict=
    echo "== $program for $seconds s"
    "$build/tests/fuzz/$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="$build/fuzz-crashes/$program-" \
        $dict "$grown" $seeds >"$log" 2>&1 || true
    grep -E '^(stat::|==|SUMMARY|.*ERROR|ParseDictionary)|crash|timeout' "$log" || true
    awk -v p="$program" '/^stat::number_of_executed_units/ { print p, $2 }' "$log" >>"$build/fuzz-executions"
done
awk '{ n[$1] += $2; all += $2 } END { for (p in n) print p, n[p]; print all, "executions in all" }' \
    "$build/fuzz-executions"
if [ -n "$(ls "$build/fuzz-crashes")" ]; then
    echo "found: $(ls "$build/fuzz-crashes")"
    exit 1
fi
