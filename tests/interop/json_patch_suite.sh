#!/bin/sh
# json-patch-tests (npm package json-patch-test-suite) against our JSON patch.
#   json_patch_suite.sh <the json_patch_suite program>
# Exit 77, with the reason: the package cannot be had here.
set -eu

runner=${1:?usage: json_patch_suite.sh <the json_patch_suite program>}
cache=${TIDEWATCH_CACHE:-build/cache}
version=1.1.0
package="$cache/json-patch-test-suite"
files="$package/node_modules/json-patch-test-suite"

if [ ! -f "$files/tests.json" ]; then
    command -v npm >/dev/null || { echo "skipped: no npm here"; exit 77; }
    mkdir -p "$package"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$package" \
        "json-patch-test-suite@$version" ||
        { echo "skipped: npm cannot fetch json-patch-test-suite"; exit 77; }
fi
exec "$runner" "$files/tests.json" "$files/spec_tests.json"
