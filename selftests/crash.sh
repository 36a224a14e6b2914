#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kill -9 of a worker, of the signer and of the master before any system call of a handshake.
# strace shows which calls there are, and then ends the process at one after the other.

. "$(dirname "$0")/lib.sh"

# Of the calls of a worker that are of no interest of their own, each so many-th.
readonly EACH=12
# The first has what is killed; the second another certificate, which no cache has by then.
readonly PORT=443 OTHER=444

# ---- the two ends

# serve_kind PORT KIND
serve_kind()
{
	spawn "server$1" "$SERVER" "$BUILD/selftests/handshakes" serve "$1" "$PKI/$2.crt" \
		"$PKI/$2.key"
	wait_for "$WAIT" listens "$SERVER" "$1"
}

# shake PORT: a handshake, and a byte to the server and back.
shake()
{
	in_ns "$CLIENT" timeout "$WAIT" "$BUILD/selftests/handshakes" connect "$SERVER4" "$1" \
		"$CLIENT_CA" 1.3 1
}

works()
{
	shake "$1" >"$DIR/out" 2>&1 || fail "port $1: $(cat "$DIR/out" "$DIR/kbumpd.log")"
}

# A client whose helper dies sees a reset or an end without close_notify; nothing else. One that
# waits in vain says nothing.
clean_end()
{
	grep -x -E 'end: (Connection reset by peer|Broken pipe|unexpected eof while reading)' \
		"$DIR/client.log" || fail "the client saw: '$(cat "$DIR/client.log")'"
}

no_connections()
{
	local ns

	for ns in "$CLIENT" "$BOX" "$SERVER"; do
		in_ns "$ns" ss -Htn state connected exclude time-wait | grep -q . && return 1
	done
	! pgrep -P "$(pid_of "server$PORT"),$(pid_of "server$OTHER")" >/dev/null
}

# Client and server have heard of the end, and nobody has anything left of it.
all_over()
{
	settle
	wait_for "$WAIT" no_connections || fail "connections are left"
	[ "$(stat handshakes) $(stat flows)" = "0 0" ] || fail "$(kbump stat show)"
}

# ---- processes

# restart OPTION...: as start_kbumpd, in place of the one before; with empty caches.
restart()
{
	reap kbumpd
	start_kbumpd "$@" || fail "kbumpd: $(cat "$DIR/kbumpd.log")"
}

all_attached()
{
	[ "$(grep -c ' attached$' "$DIR/strace.log")" = "$1" ]
}

# trace OPTION... -- PID...: with what they do in $DIR/trace.PID.
trace()
{
	local -a options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	rm -f "$DIR"/trace.*
	spawn strace "$BOX" strace -ff -o "$DIR/trace" "${options[@]}" "${@/#/-p}"
	wait_for "$WAIT" all_attached $# || fail "strace: $(cat "$DIR/strace.log")"
}

# arm CALL N PID...: who makes its N-th such call dies before it.
arm()
{
	local call=$1 n=$2

	shift 2
	trace -e "inject=$call:signal=SIGKILL:when=$n" -- "$@"
}

is_killed()
{
	grep -q -s '^+++ killed by SIGKILL' "$DIR"/trace.*
}

# moments START END OFTEN EACH: of a trace, from the first line like START to that like END, the
# calls as "name ordinal": those like OFTEN and the ones behind them, and each EACH-th.
moments()
{
	awk -v start="$1" -v end="$2" -v often="$3" -v each="$4" '
	match($0, /^[a-z0-9_]+\(/) {
		name = substr($0, 1, RLENGTH - 1)
		n[name]++
		if ($0 ~ start)
			on = 1
		if (on && ($0 ~ often || last ~ often || !(k++ % each)))
			print name, n[name]
		last = $0
		if (on && $0 ~ end)
			exit
	}'
}

# ---- a worker

# The worker that had the connection.
its_trace()
{
	grep -l '^write(2, "kbumpd: .*' "$DIR"/trace.*
}

record_worker()
{
	needs_kbump
	restart --workers 2
	mapfile -t pids < <(children worker)
	trace -- "${pids[@]}"
	works "$PORT"
	wait_for "$WAIT" its_trace
	reap strace
	moments '^accept4' '^write[(]2,' '^sendmsg|SOL_TLS|TCP_ULP' "$EACH" <"$(its_trace)" \
		>"$DIR/worker.moments"
	# FLOW_ASK, FLOW_SET, FLOW_ADD.
	[ "$(grep -c '^sendmsg ' "$DIR/worker.moments")" = 3 ] || fail "$(cat "$(its_trace)")"
	# Several, as each takes longer to come back than the time before.
	restart --workers 4
}

opened()
{
	grep -c ': opened, ' "$DIR/kbumpd.log" || true
}

# The last call that counts is the one that writes this line.
killed_or_opened()
{
	is_killed || [ "$(opened)" -gt "$1" ]
}

# worker_at CALL N
worker_at()
{
	local before status=0

	needs_kbump
	before=$(opened)
	mapfile -t pids < <(children worker)
	arm "$1" "$2" "${pids[@]}"
	shake "$PORT" >"$DIR/client.log" 2>&1 || status=$?
	wait_for "$WAIT" killed_or_opened "$before" || fail "$(cat "$DIR/client.log")"
	reap strace
	if is_killed; then
		echo "$1 $2" >>"$DIR/killed"
		[ "$status" = 0 ] || clean_end
	else
		[ "$status" = 0 ] || fail "the client saw: $(cat "$DIR/client.log")"
	fi
	all_over
	works "$OTHER"
	settle
}

has_helpers()
{
	[ "$(kbump -j helper show | value 'len(d)')" = "$1" ]
}

# How often bytes come in parts differs a little each time, so not each moment comes again.
workers_are_back()
{
	local killed all

	needs_kbump
	all=$(wc -l <"$DIR/worker.moments")
	killed=$(wc -l <"$DIR/killed")
	[ $((killed * 4)) -ge $((all * 3)) ] || fail "only $killed of $all moments were met"
	[ "$(grep -c '^sendmsg ' "$DIR/killed")" = 3 ] || fail "$(cat "$DIR/killed")"
	wait_for "$WAIT" has_helpers 4 || fail "$(kbump helper show; cat "$DIR/kbumpd.log")"
	works "$PORT"
	settle
}

# ---- the signer

record_signer()
{
	needs_kbump
	restart --workers 1
	trace -- "$(children signer)"
	works "$PORT"
	wait_for "$WAIT" has_line "$DIR/trace.$(children signer)" '^sendto'
	reap strace
	moments '^recvfrom' '^poll' . 1 <"$DIR/trace.$(children signer)" >"$DIR/signer.moments"
	grep '^sendto ' "$DIR/signer.moments"
}

# The client whose certificate is being made waits a little longer, and that is all.
signer_at()
{
	needs_kbump
	restart --workers 1
	arm "$1" "$2" "$(children signer)"
	works "$PORT"
	wait_for "$WAIT" is_killed || fail "$(cat "$DIR"/trace.*)"
	reap strace
	all_over
	works "$OTHER"
	settle
}

# ---- the master

record_master()
{
	needs_kbump
	restart --workers 1
	trace -- "$(pid_of kbumpd)"
	kill -KILL "$(children signer)"
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" 'a signer was started anew'
	reap strace
	moments SIGCHLD 'a signer was started' '^clone|^read' 3 <"$DIR/trace.$(pid_of kbumpd)" \
		>"$DIR/master.moments"
	grep '^clone ' "$DIR/master.moments"
}

all_gone()
{
	! pgrep -g "$1" -r D,R,S,T,t >/dev/null
}

has_handshake()
{
	[ "$(stat handshakes)" = 1 ]
}

# master_at CALL N: while it starts a new signer, and a client waits for its server.
master_at()
{
	local pid signer

	needs_kbump
	# The case before has left one, if it was good.
	[ "$(children signer)" ] || restart --workers 1
	pid=$(pid_of kbumpd)
	signer=$(children signer)
	kill -STOP "$(pid_of "server$OTHER")"
	spawn client "$CLIENT" "$BUILD/selftests/handshakes" connect "$SERVER4" "$OTHER" \
		"$CLIENT_CA" 1.3 1
	wait_for "$WAIT" has_handshake
	arm "$1" "$2" "$pid"
	# Not there if the master was killed at once, as it went on waiting.
	kill -KILL "$signer" || true
	wait_for "$WAIT" is_killed || fail "$(cat "$DIR"/trace.*)"
	reap strace
	wait_for "$WAIT" all_gone "$pid" || fail "$(ps -f -g "$pid")"
	rm "$DIR/kbumpd.pid"
	wait_end client
	clean_end
	kill -CONT "$(pid_of "server$OTHER")"
	all_over
	start_kbumpd --workers 1 || fail "kbumpd: $(cat "$DIR/kbumpd.log")"
	works "$PORT"
	settle
}

# walk WHO
walk()
{
	local call n
	local -a list=()

	[ ! -e "$DIR/$1.moments" ] || mapfile -t list <"$DIR/$1.moments"
	for call in "${list[@]}"; do
		read -r call n <<<"$call"
		run_case "the $1 is killed before $call $n" "$1_at" "$call" "$n"
		# A server that was stopped must not stay so.
		kill -CONT "$(pid_of "server$OTHER")"
	done
}

setup
serve_kind "$PORT" ecdsa || bail_out "the server does not start"
serve_kind "$OTHER" rsa || bail_out "the server does not start"
inspect_all || bail_out "cannot add the rule"
: >"$DIR/killed"
run_case "the calls of a worker in a handshake" record_worker
walk worker
run_case "all workers are back" workers_are_back
run_case "the calls of the signer" record_signer
walk signer
run_case "the calls of the master when the signer has died" record_master
walk master
finish
