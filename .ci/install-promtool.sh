#!/bin/sh
# Puts promtool into .build/bin, where the test of the alert rules looks for it
# besides PATH. Safe to run again. Where it cannot be had it says why and fails.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
tool=$root/.build/bin/promtool

unavailable() {
	printf 'promtool: NOT INSTALLED: %s; THE ALERT RULES ARE NOT CHECKED BY IT\n' "$1" >&2
	exit 1
}

for file in "$tool" "$(command -v promtool)"; do
	if [ -x "$file" ] && "$file" --version >/dev/null 2>&1; then
		printf 'promtool: %s is installed\n' "$file"
		exit 0
	fi
done
command -v apt-get >/dev/null && command -v dpkg >/dev/null || unavailable 'there is no apt-get'

# The package is unpacked, not installed: it would start a server.
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
apt-get download -qq prometheus >log 2>&1 || {
	apt-get update -qq && apt-get download -qq prometheus
} >log 2>&1 || unavailable "apt-get cannot download it ($(tail -n 1 log))"
dpkg -x prometheus_*.deb unpacked >log 2>&1 || unavailable "the package cannot be unpacked ($(tail -n 1 log))"
unpacked/usr/bin/promtool --version >log 2>&1 || unavailable "it does not run here ($(tail -n 1 log))"
mkdir -p "$root/.build/bin" && cp unpacked/usr/bin/promtool "$tool" || unavailable "$root/.build/bin cannot be written"
printf 'promtool: installed %s\n' "$tool"
