#!/usr/bin/env bash
# fuzz.sh SECONDS: runs every fuzz target of build/fuzz for so long, two at a time. The corpus grows under build/corpus;
# the seeds are tests/fuzz/corpus/TARGET. A finding is kept under build/fuzz-findings and fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
findings=build/fuzz-findings
mkdir -p "$findings" build/corpus

fuzz_one() { # target program, seconds
    local name corpus seeds log
    name=$(basename "$1")
    corpus=build/corpus/$name
    log=$findings/$name.log
    mkdir -p "$corpus"
    seeds=()
    [ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")
    if "$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix="$findings/$name-" "$corpus" "${seeds[@]}" >"$log" 2>&1; then
        echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs, no finding"
        rm -f "$log"
    else
        echo "$name: FINDING, see $log"
        return 1
    fi
}
export -f fuzz_one
export findings

mapfile -t targets < <(find build/fuzz/tests/fuzz -maxdepth 1 -type f -perm /111 -name 'fuzz_*' | sort)
[ ${#targets[@]} -gt 0 ] || { echo "fuzz: no target under build/fuzz/tests/fuzz" >&2; exit 1; }
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one "$1" "$2"' fuzz {} "$seconds"
echo "fuzz: ${#targets[@]} targets, $seconds s each, no finding"
