#!/usr/bin/env bash
# Makes a real kube-apiserver and its etcd, from the Go modules of their releases, in build/cache, and prints the two
# settings that the tests and the benchmark find them by. It takes some ten minutes of one core and 5 GB of disk once;
# KUBE_APISERVER and ETCD, when set, are used as they are, and a built pair is kept until KUBE_VERSION changes.
#
#   tests/interop/kube_apiserver.sh            # build if need be, then print KUBE_APISERVER=... ETCD=...
#   tests/interop/kube_apiserver.sh --find     # build nothing: 1 if there is none
set -euo pipefail
version=${KUBE_VERSION:-1.36.3}
cache=$(realpath -m "${TIDEWATCH_CACHE:-build/cache}")/kubernetes-$version
apiserver=${KUBE_APISERVER:-$cache/kube-apiserver}
etcd=${ETCD:-$cache/etcd}

found() { [ -x "$apiserver" ] && [ -x "$etcd" ]; }

# The module k8s.io/kubernetes names its staging modules by folders that its archive leaves out: here they are
# replaced by their releases, which carry the same number with a 0 before it.
scratch_module() {
    local fetched gomod
    fetched=$(cd / && go mod download -json "k8s.io/kubernetes@v$version") || { echo "$fetched" >&2; return 1; }
    gomod=$(sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' <<<"$fetched")
    {
        echo "module scratch"
        grep -E '^(go|godebug) ' "$gomod"
        echo "require k8s.io/kubernetes v$version"
        sed -n '/^require (/,/^)/p' "$gomod" | sed "s|v0\.0\.0$|v0.${version#*.}|"
        sed -n "s|^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging.*|replace \1 => \1 v0.${version#*.}|p" "$gomod"
    } >go.mod
    cat >tools.go <<'GO'
//go:build tools

package scratch

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
GO
}

build() {
    local stamp="-X k8s.io/component-base/version" flags
    flags="$stamp.gitVersion=v$version $stamp.gitMajor=${version%%.*} $stamp.gitMinor=$(cut -d. -f2 <<<"$version")"
    export CGO_ENABLED=0 GOTOOLCHAIN=local
    scratch_module
    go build -mod=mod -ldflags "-s -w $flags" -o . k8s.io/kubernetes/cmd/kube-apiserver >&2
    go build -mod=mod -ldflags "-s -w" -o etcd go.etcd.io/etcd/server/v3 >&2
}

if ! found; then
    [ "${1:-}" != --find ] || exit 1
    command -v go >/dev/null || { echo "kube_apiserver.sh: needs go" >&2; exit 1; }
    mkdir -p "$cache"
    ( flock 9; cd "$cache"; found || build ) 9>"$cache.lock"
fi
printf 'KUBE_APISERVER=%s\nETCD=%s\n' "$apiserver" "$etcd"
