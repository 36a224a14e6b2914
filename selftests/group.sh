#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Groups: which connections go to which member, whole, and which move when one fails.

. "$(dirname "$0")/lib.sh"

readonly MANY=${KBUMP_TEST_GROUP:-60}
readonly MEMBERS="a b c"

# of NAME KEY: of a tool, or of the group
of()
{
	local object=tool

	[ "$1" != g ] || object=group
	kbump -j -s "$object" show "$1" | value "d[0]['$2']"
}

becomes()
{
	wait_for "$WAIT" is_state "$@" || fail "$(kbump tool show; kbump group show)"
}

is_state()
{
	[ "$(of "$1" state)" = "$2" ]
}

wrong_commands()
{
	wrong 'members of the group are missing' group add x
	wrong 'members of the group are missing' group add x standby a
	wrong 'no tool has this name' group add x tool nobody
	wrong 'named twice' group add x tool a standby a
	wrong 'cannot be a member' group add x tool g
	wrong 'a weight' group add x tool a:0
	wrong 'a weight' group add x tool a:101
	wrong 'min is not' group add x tool a min 2
	wrong 'a tool of this name exists' group add a tool b
	wrong 'member of a group' tool del a
	wrong 'a rule names' group del g
	wrong 'no such setting' tool set g snaplen 100
	[ -z "$(kbump group show x 2>/dev/null)" ] || fail "$(kbump group show)"
	kbump tool show | grep -q '^g ' && fail "a group is no tool"
	becomes g up
}

watch()
{
	local name

	for name in $MEMBERS; do
		spawn "watch$name" "$TOOL" tcpdump -n -U -s 0 -B 16384 -i "mon$name" -w "$DIR/$name.pcap"
		wait_for "$WAIT" has_line "$DIR/watch$name.log" 'listening on'
		in_ns "$TOOL" cat "/sys/class/net/mon$name/statistics/rx_packets" >"$DIR/$name.before"
	done
}

# All that has come is in the files.
watched()
{
	local name all

	for name in $MEMBERS; do
		all=$(in_ns "$TOOL" cat "/sys/class/net/mon$name/statistics/rx_packets")
		[ "$("$BUILD/selftests/pcapcat" -c "$DIR/$name.pcap")" -ge \
		  "$((all - $(cat "$DIR/$name.before")))" ] || return
	done
}

unwatch()
{
	local name

	wait_for "$WAIT" watched
	for name in $MEMBERS; do
		reap "watch$name" INT
	done
}

# ports NAME FILTER: of the clients in the packets that fit
ports()
{
	tcpdump -n -r "$DIR/$1.pcap" "dst port 444 and $2" 2>/dev/null |
		sed -E 's/.* IP [0-9.]+\.([0-9]+) > .*/\1/' | sort -u
}

flows()
{
	local name

	for name in $MEMBERS; do
		of "$name" flows
	done
}

# Many connections, and a pause; then each sends something, and ends.
open_many()
{
	rm -f "$DIR/go"
	peer many --size "$MANY" --go "$DIR/go" --timeout "$CASE_LIMIT" many
	wait_for "$CASE_LIMIT" has_line "$DIR/many.log" 'all open' || fail "$(cat "$DIR/many.log")"
}

use_many()
{
	: >"$DIR/go"
	wait_for "$CASE_LIMIT" has_line "$DIR/many.log" "good $MANY" || fail "$(cat "$DIR/many.log")"
	settle
}

# group WORD...: the group, made anew
group()
{
	kbump group set g "$@"
	becomes g up
}

spreads_by_weight()
{
	local name count all=0
	local -A before=() after=()

	group tool a:3 tool b tool c:2
	for name in $MEMBERS; do
		before[$name]=$(of "$name" flows)
	done
	watch
	open_many
	use_many
	unwatch
	for name in $MEMBERS; do
		"$BUILD/selftests/pcapcat" "$DIR/$name.pcap" >"$DIR/out" || fail "$(cat "$DIR/out")"
		count=$(grep -c 'closed$' "$DIR/out")
		after[$name]=$(($(of "$name" flows) - before[$name]))
		[ "$count" = "${after[$name]}" ] || fail "$name: $count of ${after[$name]}"
		all=$((all + count))
	done
	echo "${after[a]} ${after[b]} ${after[c]}"
	[ "$all" = "$MANY" ] || fail "$all of $MANY"
	[ "${after[b]}" -gt 0 ] && [ "${after[a]}" -gt "${after[b]}" ]
}

# Which connections the members have, and which they have when a fails: .opened and .used.
fails_over()
{
	local name

	watch
	open_many
	wait_for "$WAIT" watched
	for name in $MEMBERS; do
		ports "$name" 'tcp[tcpflags] & tcp-syn != 0' >"$DIR/$name.opened"
	done
	[ -s "$DIR/a.opened" ] || fail "none to move"
	ip -n "$BOX" link set toola down
	becomes a down
	use_many
	unwatch
	ip -n "$BOX" link set toola up
	becomes a up
	for name in b c; do
		ports "$name" 'tcp[tcpflags] & tcp-push != 0' >"$DIR/$name.used"
	done
	cat "$DIR/b.used" "$DIR/c.used" | sort | uniq -d | grep . && fail "two members have it"
	sort -m "$DIR/b.used" "$DIR/c.used" | wc -l | grep -q -x "$MANY" || fail "some are lost"
}

only_its_own_move()
{
	group tool a tool b tool c
	fails_over
	for name in b c; do
		comm -23 "$DIR/$name.opened" "$DIR/$name.used" | grep . && fail "moved from $name"
	done
	true
}

standby_takes_over()
{
	group tool a tool b standby c
	fails_over
	[ -s "$DIR/c.opened" ] && fail "the standby had some"
	diff "$DIR/b.opened" "$DIR/b.used" || fail "b has others"
	diff "$DIR/a.opened" "$DIR/c.used" || fail "c has not those of a"
}

all_to_the_first()
{
	group tool a tool b tool c spread first
	fails_over
	cat "$DIR/b.opened" "$DIR/c.opened" | grep . && fail "not all to the first"
	diff "$DIR/a.opened" "$DIR/b.used" || fail "not all to the next"
	kbump group set g spread hash
}

all_of_a_client()
{
	local name count

	group tool a tool b tool c key client
	flows >"$DIR/before"
	open_many
	use_many
	flows >"$DIR/after"
	paste "$DIR/before" "$DIR/after" | awk '{ print $2 - $1 }' | sort -n >"$DIR/out"
	printf '0\n0\n%s\n' "$MANY" | diff - "$DIR/out"
	kbump group set g key flow
}

too_few()
{
	local dropped

	group tool a tool b min 2
	ip -n "$BOX" link set toola down
	becomes g down
	dropped=$(of g drop_down)
	flows >"$DIR/before"
	fetch4 443 /hello.txt -o /dev/null
	settle
	flows | diff "$DIR/before" -
	[ "$(of g drop_down)" -gt "$dropped" ] || fail "no drop is counted"
	ip -n "$BOX" link set toola up
	becomes g up
}

is_saved()
{
	group tool a:3 tool b standby c:2 spread hash key client min 1
	kbump save >"$DIR/saved"
	kbump flush
	[ -z "$(kbump group show; kbump tool show)" ] || fail "something is left"
	kbump -f "$DIR/saved"
	kbump save | diff "$DIR/saved" -
	kbump -j group show g | value "d[0]['tools'] == ['a:3', 'b'] and d[0]['standby'] == ['c:2']" |
		grep -x true
}

setup_all
for name in $MEMBERS; do
	add_tool_link "tool$name" "mon$name"
	kbump tool add "$name" dev "tool$name"
done
kbump group add g tool a tool b tool c || bail_out "cannot make the group"
kbump rule add pref 8 dport 443-449 action inspect tool g learn off ||
	bail_out "cannot add the rule"
run_case "wrong commands are refused" wrong_commands
run_case "whole connections, by weight" spreads_by_weight
run_case "only those of a member that fails move" only_its_own_move
run_case "to that which stands by" standby_takes_over
run_case "all to the first" all_to_the_first
run_case "all of a client" all_of_a_client
run_case "too few members" too_few
run_case "saved, and read back" is_saved
kbump flush
finish
