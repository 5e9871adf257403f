#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (10s) and fails unless each one really
# ran: it must report new executions and must start from seeds.
#
# FUZZPARALLEL limits the workers of a target (default: as many as processors),
# FUZZONLY is a pattern of the targets to run (default: all), as in
# FUZZONLY='^FuzzCheck'. Each run adds a line to FUZZRECORD (.build/fuzz.tsv):
# when, commit, package, target, time, executions, seeds, new inputs.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${FUZZTIME:-10s}
only=${FUZZONLY:-.}
record=${FUZZRECORD:-.build/fuzz.tsv}
workers=()
if [ -n "${FUZZPARALLEL:-}" ]; then workers=(-parallel "$FUZZPARALLEL"); fi
commit=$(git describe --always --dirty --exclude '*' 2>/dev/null || echo unknown)
mkdir -p "$(dirname "$record")"
patience=3m # and before that 30s
log=$(mktemp)
trap 'rm -f "$log"' EXIT
count=0
while IFS=: read -r file line; do
  target=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/' <<<"$line")
  if ! grep -qE -- "$only" <<<"$target"; then continue; fi
  package=./$(dirname "$file")
  echo "fuzz $package $target for $fuzztime"
  # On a busy machine the seeds, with what earlier runs left in the cache of go, may
  # take the whole time; then it gets more.
  for try in "$fuzztime" 30s "$patience"; do
    if ! go test -run '^$' -fuzz "^$target\$" -fuzztime "$try" -fuzzminimizetime 20x -timeout 0 ${workers[@]+"${workers[@]}"} "$package" >"$log" 2>&1; then
      # The go command may call it a failure that the time ended while a worker
      # was at work; it then names no input. Anything else is a finding.
      if [ "$try" = "$patience" ] || grep -q 'Failing input written' "$log" || ! grep -q '^ *context deadline exceeded' "$log"; then
        cat "$log"
        exit 1
      fi
      continue
    fi
    executions=$(sed -nE 's/.*execs: ([0-9]+).*/\1/p' "$log" | tail -1)
    inputs=$(sed -nE 's/.*new interesting: ([0-9]+).*/\1/p' "$log" | tail -1)
    seeds=$(sed -nE 's,.*gathering baseline coverage: ([0-9]+)/([0-9]+) completed.*,\2,p' "$log" | tail -1)
    if [ "${executions:-0}" -gt 0 ]; then break; fi
  done
  if [ "${executions:-0}" -le 0 ] || [ "${seeds:-0}" -le 0 ]; then
    cat "$log"
    echo "fuzz: $target executed ${executions:-0} inputs from ${seeds:-0} seeds: it proves nothing" >&2
    exit 1
  fi
  echo "  $executions executions, $seeds seeds, ${inputs:-0} new inputs"
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$commit" "$package" "$target" "$try" "$executions" "$seeds" "${inputs:-0}" >>"$record"
  count=$((count + 1))
done < <(git ls-files '*_test.go' | xargs grep -HoE '^func Fuzz[A-Za-z0-9_]+\(' | sort)
if [ "$count" -eq 0 ]; then
  echo "fuzz: no target found" >&2
  exit 1
fi
echo "fuzz: $count targets ran"
