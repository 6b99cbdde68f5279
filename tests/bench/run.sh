#!/usr/bin/env bash
# Builds nothing: ./dev bench has done so.
exec python3 -B "$(dirname "${BASH_SOURCE[0]}")/run.py" "$@"
