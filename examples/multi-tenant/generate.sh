#!/bin/sh
# Writes tenants of one line each, t001 and on, into tenants/. Every tenth has
# the gold plan.
#
#   sh generate.sh          # one hundred
#   sh generate.sh 3000
set -eu
cd "$(dirname "$0")/tenants"
n=1
while [ "$n" -le "${1:-100}" ]; do
	name=$(printf 't%03d' "$n")
	plan=silver
	[ $((n % 10)) -ne 0 ] || plan=gold
	# Written aside and renamed: a file is seen whole or not at all.
	printf 'labels: {realm: %s, plan: %s}\n' "$name" "$plan" >".$name"
	mv ".$name" "$name.yaml"
	n=$((n + 1))
done
