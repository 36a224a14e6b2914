#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module is removed under traffic: no hang, no oops, an end that the peers see; and it
# can be loaded again at once.

. "$(dirname "$0")/lib.sh"

# More than all socket buffers on the way hold when the client pauses.
readonly SIZE=8000000

remove()
{
	timeout 120 rmmod kbump || fail "rmmod: status $?"
	[ ! -d /sys/module/kbump ]
}

removed_under_traffic()
{
	local name

	needs_kbump
	rm -f "$DIR/go"
	peer down --size "$SIZE" --go "$DIR/go" down
	peer up --size "$SIZE" --go "$DIR/go" up
	peer idle --go "$DIR/go" echo
	for name in down up idle; do
		wait_for "$WAIT" has_line "$DIR/$name.log" half-way || fail "$(cat "$DIR/$name.log")"
	done
	remove
	: >"$DIR/go"
	for name in down up idle; do
		wait_end "$name" || fail "$name hangs"
		if has_line "$DIR/$name.log" 'end closed'; then
			fail "$name: closed as if all were well"
		fi
		cat "$DIR/$name.log"
	done
}

# Without the module the box forwards.
forwards()
{
	needs_kbump
	[ "$(issuer 443)" = "kbump test server CA" ] || fail "issuer: $(issuer 443)"
}

workers_are_known()
{
	[ "$(kbump -j helper show | value 'len(d)')" = 2 ]
}

# The helper has been there all the time.
again()
{
	needs_kbump
	load_module
	wait_for "$WAIT" workers_are_known || fail "$(cat "$DIR/kbumpd.log")"
	inspect_all
	[ "$(issuer 443)" = "kbump test box CA" ] || fail "issuer: $(issuer 443)"
	settle
}

removed_in_handshake()
{
	needs_kbump
	rm -f "$DIR/go"
	peer partial --go "$DIR/go" partial
	wait_for "$WAIT" has_line "$DIR/partial.log" half-way
	remove
	: >"$DIR/go"
	wait_end partial
}

removed_in_transaction()
{
	needs_kbump
	spawn begin "$BOX" "$BUILD/selftests/begin"
	wait_for "$WAIT" has_line "$DIR/begin.log" begun
	[ "$(kbump -j rule show | value 'len(d)')" = 1 ] || fail "$(kbump rule show)"
	remove
	reap begin
}

# A namespace ends with flows in it.
namespace_goes()
{
	needs_kbump
	rm -f "$DIR/go"
	peer idle --go "$DIR/go" echo
	wait_for "$WAIT" has_line "$DIR/idle.log" half-way
	reap kbumpd
	ip netns del "$BOX"
	# Its sockets go with it: the client hears nothing more, or a reset.
	reap idle
	remove
}

setup
small_buffers
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "removal under traffic" removed_under_traffic
run_case "the box forwards without it" forwards
run_case "loaded again" again
run_case "removal during a handshake" removed_in_handshake
run_case "loaded once more" again
run_case "removal in a transaction" removed_in_transaction
run_case "loaded a third time" again
run_case "the namespace goes with flows in it" namespace_goes
[ "$failures" -eq 0 ] || dump_logs
echo "1..$cases"
exit $((failures != 0))
