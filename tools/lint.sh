#!/usr/bin/env bash
# lint.sh: format, clang-tidy, the direction of includes, Python. Everything runs; the exit code says whether all passed.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()

check() { # title command…
    local title=$1
    shift
    echo "== $title"
    "$@" || failed+=("$title")
}

sources() { git ls-files -- '*.cpp' '*.hpp'; }

format() { sources | xargs -r clang-format-19 --dry-run --Werror; }

tidy() { # with the compile commands of the dev build
    git ls-files -- 'protocol/*.cpp' 'config/*.cpp' 'rotation/*.cpp' 'proxy/*.cpp' |
        xargs -r -P "$(nproc)" -n 4 clang-tidy-19 --quiet -p build/dev 2>/dev/null
}

python_sources() { git ls-files -- '*.py' | xargs -r /usr/bin/python3 -m py_compile; }

shell_sources() { bash -n dev && bash -n .ci/run && for file in tools/*.sh; do bash -n "$file" || return 1; done; }

check format format
check "direction of includes" /usr/bin/python3 tools/check_tree.py
check python python_sources
check shell shell_sources
check clang-tidy tidy
if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}" >&2
    exit 1
fi
echo "lint: clean"
