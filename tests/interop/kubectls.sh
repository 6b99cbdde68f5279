#!/usr/bin/env bash
# Prints the path of every kubectl to test with, one a line: Debian's (fetched as a package and
# unpacked into the cache, since another kubectl may be installed) and the one on the PATH.
set -euo pipefail
cache=${TIDEWATCH_CACHE:-build/cache}/kubectl-debian
if [ ! -x "$cache/usr/bin/kubectl" ]; then
    mkdir -p "$cache"
    (
        flock 9
        cd "$cache"
        fetch() { apt-get download -qq kubernetes-client >&2; }
        if [ ! -x usr/bin/kubectl ] && { fetch || { apt-get update -qq >&2 && fetch; }; }; then
            dpkg-deb -x kubernetes-client_*.deb .
            rm -f kubernetes-client_*.deb
        fi
    ) 9>"$cache/.lock" || true
fi
[ -x "$cache/usr/bin/kubectl" ] && realpath "$cache/usr/bin/kubectl"
command -v kubectl || true
