#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Rules that need more than the first packet: by server name, by protocol, by the server's
# certificate. What they leave alone goes byte for byte between client and server.

. "$(dirname "$0")/lib.sh"

readonly BOX_CA="kbump test box CA" SERVER_CA="kbump test server CA"
readonly OTHER=other.example.test

hits()
{
	kbump -j -s rule show | value "[r['hits'] for r in d if r['pref'] == 5][0]"
}

by_name()
{
	local before

	needs_kbump
	rule sni "$NAME" action bypass
	before=$(received)
	sees 443 "$NAME" "$SERVER_CA"
	fetch4 443 /hello.txt --cacert "$PKI/server-ca.crt" | grep -q "Hello from"
	settle
	[ "$(received)" = "$before" ] || fail "the tool saw a flow that was not opened"
	[ "$(hits)" = 2 ] || fail "$(hits) hits"
	sees 443 "$OTHER" "$BOX_CA"
	[ "$(hits)" = 2 ] || fail "$(hits) hits"
	settle
}

by_domain()
{
	needs_kbump
	rule sni .Example.TEST action bypass
	sees 443 "$NAME" "$SERVER_CA"
	sees 443 EXAMPLE.test "$SERVER_CA"
	# Opened, and found not to be the one.
	sees 443 notexample.test "kbump: server NOT verified"
	settle
}

blocked_name()
{
	local status=0 before

	needs_kbump
	before=$(stat blocked)
	rule sni "$NAME" action block
	fetch4 443 /blocked >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 35 ] || fail "curl: $status, $(cat "$DIR/out")"
	if grep '/blocked' "$DIR/nginx/access.log"; then
		fail "the request reached the server"
	fi
	[ "$(stat blocked)" = $((before + 1)) ] || fail "blocked: $before, $(stat blocked)"
	sees 443 "$OTHER" "$BOX_CA"
	settle
}

# repeated STATE ADDRESS: nothing answers a connection in that state, so the client says it again.
repeated()
{
	in_ns "$CLIENT" ss -Htno state "$1" | grep -F "$2" | grep -q 'timer:(on,[^,]*,[1-9]'
}

# silent_syn ADDRESS
silent_syn()
{
	needs_kbump
	rule dport 443 action block drop
	spawn silent "$CLIENT" bash -c ": >/dev/tcp/$1/443"
	wait_for "$WAIT" repeated syn-sent "$1"
	reap silent
	[ "$(hits)" -ge 2 ] || fail "$(hits) hits"
	kbump rule show | grep -F "dport 443 action block drop"
	kbump -j rule show | grep -F '"action":"block","block":"drop"'
}

hit()
{
	[ "$(hits)" = 1 ]
}

# silent MATCH...: a connection that has begun stands still, and not even its end is answered.
silent()
{
	needs_kbump
	rule "$@" action block drop
	spawn silent "$CLIENT" openssl s_client -connect "$SERVER4:443" -servername "$NAME" -quiet
	wait_for "$WAIT" hit
	settle
	in_ns "$CLIENT" ss -Htn state established | grep -F "$SERVER4" ||
		fail "$(cat "$DIR/silent.log")"
	reap silent
	wait_for "$WAIT" repeated fin-wait-1 "$SERVER4"
	if grep -e alert -e reset "$DIR/silent.log"; then
		fail "the client heard something"
	fi
	has_line "$DIR/kbumpd.log" 'in silence' || fail "$(cat "$DIR/kbumpd.log")"
	kbump rule del pref 5
	sees 443 "$NAME" "$BOX_CA"
	settle
}

by_protocol()
{
	needs_kbump
	rule alpn h2 action bypass
	fetch4 443 /hello.txt --http2 --cacert "$PKI/server-ca.crt" >/dev/null
	fetch4 443 /hello.txt --http1.1 >/dev/null
	[ "$(hits)" = 1 ] || fail "$(hits) hits"
	settle
}

limited_protocol()
{
	needs_kbump
	rule sni "$NAME" action inspect alpn http/1.1
	[ "$(fetch4 443 /hello.txt --http2 -o "$DIR/out" -w '%{http_version}')" = 1.1 ]
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:443" \
		-servername "$NAME" -alpn h2 </dev/null >"$DIR/out" 2>/dev/null
	grep "No ALPN negotiated" "$DIR/out" || fail "$(grep ALPN "$DIR/out")"
	kbump rule show | grep -F "sni $NAME action inspect alpn http/1.1"
	kbump -j rule show | grep -F '"alpn_limit":"http/1.1"'
	settle
}

# The server's certificate is there only once it has answered a ClientHello of ours.
by_certificate()
{
	local i

	needs_kbump
	rule cert ok,client-auth action bypass
	for i in 1 2 3; do
		sees 443 "$NAME" "$SERVER_CA"
	done
	fetch6 443 /hello.txt --cacert "$PKI/server-ca.crt" >/dev/null
	[ "$(hits)" = 4 ] || fail "$(hits) hits"
	kbump rule show | grep -F "cert ok,client-auth action bypass"
	settle
}

# What the client offers, not what is agreed on: the server could do both.
by_version()
{
	needs_kbump
	rule tls 1.2 action bypass
	fetch4 443 /hello.txt --tls-max 1.2 --cacert "$PKI/server-ca.crt" >/dev/null
	fetch4 443 /hello.txt >/dev/null
	[ "$(hits)" = 1 ] || fail "$(hits) hits"
	kbump rule del pref 5
	rule not tls 1.3,no action block
	plain_exchange
	fetch4 443 /hello.txt --tlsv1.3 >/dev/null
	if fetch4 443 /hello.txt --tls-max 1.2 >"$DIR/out" 2>&1; then
		fail "it was not blocked"
	fi
	[ "$(hits)" = 1 ] || fail "$(hits) hits"
	settle
}

# A browser's ClientHello has it, be it for nothing; that of OpenSSL has not.
by_ech()
{
	needs_kbump
	rule ech yes action bypass
	peer_run --port 443 hello >"$DIR/out" || fail "$(cat "$DIR/out")"
	sees 443 "$NAME" "$BOX_CA"
	[ "$(hits)" = 1 ] || fail "$(hits) hits"
	settle
}

by_issuer()
{
	local print

	needs_kbump
	# The server's session is resumed then: its certificate is known from before.
	sees 443 "$NAME" "$BOX_CA"
	sees 443 "$NAME" "$BOX_CA"
	rule issuer "cn=$SERVER_CA" action bypass
	sees 443 "$NAME" "$SERVER_CA"
	kbump rule del pref 5
	rule issuer "CN=kbump test" action bypass
	sees 443 "$NAME" "$BOX_CA"
	kbump rule del pref 5
	print=$(openssl x509 -in "$PKI/expired.crt" -noout -fingerprint -sha256)
	rule fingerprint "${print#*=}" action bypass
	sees 445 "$NAME" "$SERVER_CA"
	sees 443 "$NAME" "$BOX_CA"
	kbump rule del pref 5
	# Who shows no certificate has no issuer, and that is known.
	rule not issuer "CN=$SERVER_CA" action block
	sees 443 "$NAME" "$BOX_CA"
	if plain_exchange; then
		fail "clear text was not blocked"
	fi
	[ "$(hits)" = 1 ] || fail "$(hits) hits"
	settle
}

by_other_name()
{
	needs_kbump
	rule not sni "$NAME" action bypass
	sees 443 "$NAME" "$BOX_CA"
	sees 443 "$OTHER" "$SERVER_CA"
	sees 443 "" "$SERVER_CA"
	plain_exchange
	[ "$(hits)" = 3 ] || fail "$(hits) hits"
	settle
}

not_tls()
{
	needs_kbump
	rule tls no action block
	if plain_exchange; then
		fail "clear text was not blocked"
	fi
	sees 443 "$NAME" "$BOX_CA"
	[ "$(hits)" = 1 ] || fail "$(hits) hits"
	settle
}

# Clear text has no server name: a rule that asks for one is not for it.
no_name()
{
	local before

	needs_kbump
	before=$(stat blocked)
	rule sni "$NAME" action block
	plain_exchange
	sees 443 "" "$BOX_CA"
	kbump rule del pref 5
	rule cert none action block
	if plain_exchange; then
		fail "clear text was not blocked"
	fi
	[ "$(stat blocked)" = $((before + 1)) ] || fail "blocked: $before, $(stat blocked)"
	settle
}

plain_exchange()
{
	peer_run --port 443 plain >"$DIR/out" && has_line "$DIR/out" 'answer HTTP/1.1 400'
}

# Where no rule could want to open or block it, nothing is done with it.
unwanted()
{
	local before

	needs_kbump
	kbump rule add pref 6 dport 8443 sni "$NAME" action bypass
	before=$(stat steered)
	sees 8443 "$NAME" "$SERVER_CA"
	[ "$(stat steered)" = "$before" ] || fail "it was steered"
	kbump rule add pref 7 dport 8443 sni "$OTHER" action inspect
	sees 8443 "$NAME" "$SERVER_CA"
	sees 8443 "$OTHER" "$BOX_CA"
	[ "$(stat steered)" = $((before + 2)) ] || fail "steered: $before, $(stat steered)"
	settle
}

shown()
{
	needs_kbump
	rule sni "$NAME" action bypass comment "to be shown"
	spawn monitor "$BOX" "$BUILD/kbump" monitor flow
	wait_for "$WAIT" monitoring monitor
	sees 443 "$NAME" "$SERVER_CA"
	settle
	wait_for "$WAIT" has_line "$DIR/monitor.log" "sni $NAME .*action bypass rule [0-9]* "
	has_line "$DIR/monitor.log" 'client: plain' || fail "$(cat "$DIR/monitor.log")"
	reap monitor INT
	settle
}

# Without a helper nobody finds out the name: the stricter setting of those that may match.
handle()
{
	kbump -j rule show | value "[r['handle'] for r in d if r['pref'] == 5][0]"
}

are_told()
{
	[ "$(wc -l <"$DIR/monitor.log")" -ge "$1" ]
}

# told EXPRESSION...: these hold for the next decision d.
told()
{
	local expression

	decisions=$((decisions + 1))
	wait_for "$WAIT" are_told "$decisions" || fail "$(cat "$DIR/monitor.log")"
	sed -n "${decisions}p" "$DIR/monitor.log" >"$DIR/decision"
	for expression; do
		[ "$(value "$expression" <"$DIR/decision")" = true ] ||
			fail "not $expression: $(cat "$DIR/decision")"
	done
}

# Each decision is told of once, when it is made, with the rule that made it.
all_told()
{
	local decisions=0

	needs_kbump
	spawn monitor "$BOX" "$BUILD/kbump" -j monitor decision
	wait_for "$WAIT" monitoring monitor
	rule dport 443 action bypass
	sees 443 "$NAME" "$SERVER_CA"
	told 'd["event"] == "decision"' 'd["action"] == "bypass"' "d['rule'] == $(handle)" \
		'"id" not in d' 'd["iif"] == "c0"' "d['client_addr'] == '$CLIENT4'" \
		"d['server_addr'] == '$SERVER4'" 'd["server_port"] == 443'
	# No rule has anything to say of this one.
	fetch4 8443 /hello.txt --cacert "$PKI/server-ca.crt" -o "$DIR/out"
	kbump rule del pref 5
	rule dport 443 action block
	sees 443 "$NAME" ""
	told 'd["action"] == "block"' "d['rule'] == $(handle)" '"id" not in d'
	kbump rule del pref 5
	sees 443 "$NAME" "$BOX_CA"
	told 'd["action"] == "inspect"' 'd["id"] > 0'
	rule sni "$NAME" action bypass
	sees 443 "$NAME" "$SERVER_CA"
	told 'd["action"] == "bypass"' "d['rule'] == $(handle)" 'd["id"] > 0' "d['sni'] == '$NAME'"
	kbump rule del pref 5
	rule cert ok action block
	sees 443 "$NAME" ""
	told 'd["action"] == "block"' "d['rule'] == $(handle)" 'd["id"] > 0'
	kbump rule del pref 5
	settle
	reap kbumpd
	sees 443 "$NAME" "$SERVER_CA"
	told 'd["action"] == "bypass"' 'd["cause"] == "helper"' '"id" not in d'
	start_kbumpd
	reap monitor INT
	[ "$(wc -l <"$DIR/monitor.log")" = "$decisions" ] || fail "$(cat "$DIR/monitor.log")"
}

no_helper()
{
	local status=0

	needs_kbump
	reap kbumpd
	rule sni "$OTHER" action block fail closed
	fetch4 443 /closed >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 7 ] || fail "curl: $status, $(cat "$DIR/out")"
	kbump rule del pref 5
	rule sni "$OTHER" action bypass
	fetch4 443 /open --cacert "$PKI/server-ca.crt" -o "$DIR/out"
	settle
	start_kbumpd
}

# said EXPRESSION: exactly one connection's line of the log, as a dictionary d, is so.
said()
{
	/usr/bin/python3 -ISc 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
found = [d for d in lines if "verdict" in d and eval("(" + sys.argv[2] + ")")]
sys.exit(len(found) != 1)' "$DIR/kbumpd.log" "$1" || fail "not so: $1: $(cat "$DIR/kbumpd.log")"
}

# One line for each connection, whatever becomes of it.
json_log()
{
	needs_kbump
	reap kbumpd
	spawn kbumpd "$BOX" "$BUILD/kbumpd" --ca-cert "$PKI/box-ca.crt" \
		--ca-key "$PKI/box-ca.key" --trust "$PKI/server-ca.crt" --workers 1 --log json
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" '"text":"ready"'
	fetch4 443 /hello.txt --http2 --tlsv1.3 --tls-max 1.3 >/dev/null
	fetch4 445 / >/dev/null 2>&1 || true
	rule sni "$OTHER" action block
	sees 443 "$OTHER" ""
	kbump rule del pref 5
	rule sni "$NAME" action bypass
	sees 443 "$NAME" "$SERVER_CA"
	plain_exchange
	settle
	said 'd["verdict"] == "opened" and d["sni"] == "'"$NAME"'" and d["cert"] == "ok" and
		d["alpn"] == "h2" and d["client"] == "'"$CLIENT4"'" and d["server_port"] == 443 and
		d["server_version"] == d["client_version"] == "TLSv1.3" and
		d["server_cipher"] == d["client_cipher"] and d["rule"] > 0'
	said 'd["server_port"] == 445 and d["verdict"] == "refused" and d["cert"] == "expired"'
	said 'd.get("sni") == "'"$OTHER"'" and d["verdict"] == "refused" and d["rule"] > 0'
	said 'd.get("sni") == "'"$NAME"'" and d["verdict"] == "left alone" and "cert" not in d'
	said 'd["verdict"] == "left alone" and d.get("text") == "not TLS"'
	reap kbumpd
	start_kbumpd
}

setup
start_nginx || bail_out "nginx does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_rule_case "a server name is left alone" by_name
run_rule_case "a domain and all below it" by_domain
run_rule_case "a server name is blocked" blocked_name
run_rule_case "blocked in silence, the first packet" silent_syn "$SERVER4"
run_rule_case "the same, IPv6" silent_syn "$SERVER6"
run_rule_case "blocked in silence, a server name" silent sni "$NAME"
run_rule_case "blocked in silence, a certificate" silent cert ok
run_rule_case "a protocol that the client offers" by_protocol
run_rule_case "the only protocol for servers" limited_protocol
run_rule_case "the server's certificate" by_certificate
run_rule_case "the version that the client offers" by_version
run_rule_case "encrypted ClientHello" by_ech
run_rule_case "issuer and fingerprint" by_issuer
run_rule_case "any other server name, or none" by_other_name
run_rule_case "what is not TLS" not_tls
run_rule_case "clear text has no server name" no_name
run_rule_case "what no rule can want is not touched" unwanted
run_rule_case "decisions are shown" shown
run_rule_case "each decision is told of" all_told
run_rule_case "the log" json_log
run_rule_case "no helper to find out" no_helper
finish
