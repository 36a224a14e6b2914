#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sessions are resumed on both legs, and only where all is as it was.

. "$(dirname "$0")/lib.sh"

how()
{
	has_line "$DIR/out" "^$1, TLSv1" || fail "not $1: $(grep -E '^(New|Reused)' "$DIR/out")"
}

# A session for the cases below, from NAME on port 443.
get_session()
{
	ask 443 "-tls1_$1" -sess_out "$DIR/session.$1"
	how New
	[ -s "$DIR/session.$1" ]
}

# Twice: the ticket of a resumed session is as good.
client_resumes()
{
	local i

	get_session "$1"
	for i in 1 2; do
		ask 443 "-tls1_$1" -sess_in "$DIR/session.$1" -sess_out "$DIR/next"
		how Reused
		[ ! -s "$DIR/next" ] || mv "$DIR/next" "$DIR/session.$1"
	done
}

gnutls_resumes()
{
	request /hello.txt in_ns "$CLIENT" timeout "$WAIT" gnutls-cli --x509cafile "$CLIENT_CA" \
		--sni-hostname "$NAME" --verify-hostname "$NAME" --port 443 --resume \
		--waitresumption --priority "NORMAL:-VERS-ALL:+VERS-TLS1.$1" \
		"$SERVER4" >"$DIR/out" 2>&1 || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" 'This is a resumed session' || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" '^Hello from the server' || fail "$(cat "$DIR/out")"
}

# Data both ways after each number of tickets: two the first time, one when resumed.
python_resumes()
{
	peer_run --size 3 "$@" resume >"$DIR/out" || fail "$(cat "$DIR/out")"
	printf 'echoed again %s\nend closed\n' full resumed resumed | diff - "$DIR/out"
}

other_name()
{
	needs_kbump
	ask 443 -tls1_3 -sess_in "$DIR/session.3" -servername other.example.test
	how New
}

other_port()
{
	needs_kbump
	for version in 2 3; do
		ask 446 "-tls1_$version" -sess_in "$DIR/session.$version"
		how New
	done
}

other_address()
{
	needs_kbump
	ask 443 -tls1_3 -sess_in "$DIR/session.3" -connect "[$SERVER6]:443"
	how New
}

other_alpn()
{
	needs_kbump
	ask 443 -tls1_2 -sess_in "$DIR/session.2" -alpn http/1.1
	how New
	ask 443 -tls1_2 -sess_in "$DIR/session.2"
	how Reused
}

other_certificate()
{
	needs_kbump
	serve 447
	ask 447 -sess_out "$DIR/session.s"
	ask 447 -sess_in "$DIR/session.s"
	how Reused
	serve 447 -cert "$PKI/rsa.crt" -key "$PKI/rsa.key"
	ask 447 -sess_in "$DIR/session.s"
	how New
}

other_cipher()
{
	needs_kbump
	serve 447 -ciphersuites TLS_AES_128_GCM_SHA256
	ask 447 -sess_out "$DIR/session.s"
	serve 447 -ciphersuites TLS_CHACHA20_POLY1305_SHA256
	ask 447 -sess_in "$DIR/session.s"
	how New
}

other_rule()
{
	needs_kbump
	get_session 3
	kbump rule add pref 5 dport 443 action inspect tool ids
	ask 443 -tls1_3 -sess_in "$DIR/session.3"
	how New
	settle
	kbump rule del pref 5
}

restarted()
{
	[ "$(grep -c 'worker was started anew' "$DIR/kbumpd.log")" = 2 ]
}

# The keys are not the workers' own.
new_workers()
{
	local pid

	needs_kbump
	for pid in $(kbumpd_pids); do
		[ "$pid" = "$(pid_of kbumpd)" ] || kill -KILL "$pid"
	done
	wait_for "$WAIT" restarted
	ask 443 -tls1_3 -sess_in "$DIR/session.3"
	how Reused
}

new_helper()
{
	needs_kbump
	reap kbumpd
	start_kbumpd --workers 1
	for version in 2 3; do
		ask 443 "-tls1_$version" -sess_in "$DIR/session.$version"
		how New
	done
}

# The server's log tells; the client begins anew each time.
server_resumes()
{
	needs_kbump
	reap kbumpd
	start_kbumpd --workers 1
	for path in first second third; do
		fetch4 443 "/hello.txt?$path" --tls-max 1.2 >/dev/null
	done
	grep 'txt?' "$DIR/nginx/access.log" | tail -n 3 | sed 's/.* //' | tr -d '\n' >"$DIR/out"
	[ "$(cat "$DIR/out")" = .rr ] || fail "$(tail -n 3 "$DIR/nginx/access.log")"
	# Another offer, another name, another port.
	fetch4 443 "/hello.txt?fourth" --tls-max 1.2 --http1.1 >/dev/null
	fetch4 446 "/hello.txt?fifth" --tls-max 1.2 >/dev/null
	[ "$(tail -n 2 "$DIR/nginx/access.log" | sed 's/.* //' | tr -d '\n')" = .. ] ||
		fail "$(tail -n 2 "$DIR/nginx/access.log")"
}

# The tickets, and the greeting behind them, wait on the server leg.
server_has_spoken()
{
	local waiting

	waiting=$(in_ns "$BOX" ss -Htn state established "dport = :448" | awk '{ print $1 }')
	[ "$(grep -c greeted "$DIR/greeter.log")" = "$1" ] && [ "${waiting:-0}" -gt 0 ]
}

held()
{
	rm -f "$DIR/hold"
	peer held --port 448 --hold "$DIR/hold" greeted
	wait_for "$WAIT" has_line "$DIR/held.log" held
	wait_for "$WAIT" server_has_spoken "$1"
	: >"$DIR/hold"
	wait_for "$WAIT" has_line "$DIR/held.log" '^end' || fail "$(cat "$DIR/held.log")"
	printf 'greeted hello\nechoed after\nend closed\n' |
		diff - <(grep -v -e held -e connected "$DIR/held.log")
	settle
}

# A TLS 1.3 server's tickets are read before the kernel has the connection, and no more.
server_resumes_13()
{
	needs_kbump
	spawn greeter "$SERVER" /usr/bin/python3 -IS "$SELFTESTS/peer.py" server --greet \
		--cert "$PKI/ecdsa.crt" --key "$PKI/ecdsa.key" 448
	wait_for "$WAIT" listens "$SERVER" 448
	held 1
	if has_line "$DIR/greeter.log" resumed; then
		fail "resumed without a session"
	fi
	held 2
	has_line "$DIR/greeter.log" 'resumed TLSv1.3' || fail "$(cat "$DIR/greeter.log")"
}

setup
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
for version in 2 3; do
	run_case "s_client resumes TLS 1.$version" client_resumes "$version"
	run_case "gnutls-cli resumes TLS 1.$version" gnutls_resumes "$version"
done
run_case "python resumes TLS 1.2" python_resumes --tls12
run_case "python resumes TLS 1.3" python_resumes
run_case "not for another name" other_name
run_case "not on another port" other_port
run_case "not at another address" other_address
run_case "not with another protocol" other_alpn
run_case "not when the server has another certificate" other_certificate
run_case "not when the server chooses another cipher" other_cipher
run_case "not under another rule" other_rule
run_case "a worker that was started anew knows the tickets" new_workers
run_case "a new helper does not, and serves" new_helper
run_case "TLS 1.2 is resumed with the server" server_resumes
run_case "TLS 1.3 is resumed with the server, no byte is lost" server_resumes_13
finish
