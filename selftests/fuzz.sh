#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A short run of each fuzzing target, from its corpus on. In userspace alone; see fuzz/Makefile
# for longer ones.

. "$(dirname "$0")/lib.sh"

readonly FUZZ=$SELFTESTS/fuzz

fuzz()
{
	make -s -C "$FUZZ" "run-$1"
}

DIR=$(mktemp -d "${TMPDIR:-/tmp}/kbump-fuzz.XXXXXX") || exit 1
trap 'rm -rf "$DIR"' EXIT
trap 'exit 130' INT TERM HUP
echo "TAP version 13"
run_case "what a client says first" fuzz hello
run_case "what a server's certificate becomes" fuzz cert
echo "1..$cases"
exit $((failures != 0))
