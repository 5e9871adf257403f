#!/bin/sh
# Builds the same source in two directories and compares the bytes: whoever has
# the source and the version of Go can tell whether a binary was made from it.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$root"
for copy in "$dir/one" "$dir/two/with/another/path"; do
	mkdir -p "$copy"
	git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$copy"
	make -s -C "$copy" build
done
cmp "$dir/one/.build/bin/claimgate" "$dir/two/with/another/path/.build/bin/claimgate" || {
	echo 'reproducible: two builds of one source differ' >&2
	exit 1
}
printf 'reproducible: %s\n' "$(sha256sum <"$dir/one/.build/bin/claimgate")"
