#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Rules that block with a page: who speaks HTTP/1 is told, everybody else is refused as by a rule
# without one, and the server gets nothing of it.

. "$(dirname "$0")/lib.sh"

readonly BLOCKED=www.blocked.test
readonly HOSTILE='<script>&"'"'"

# Each case begins with an empty log.
run_page_case()
{
	run_rule_case "$@"
	: >"$DIR/kbumpd.log"
}

handle()
{
	kbump -j rule show | value "[r['handle'] for r in d if r['pref'] == 5][0]"
}

# Connections that the server has seen.
met()
{
	in_ns "$SERVER" cat /proc/net/snmp | awk '$1 == "Tcp:" && $7 ~ /[0-9]/ { print $7 }'
}

# get PORT NAME ADDRESS [OPTION]...: head and body to the files of that name, status to out.
get()
{
	local port=$1 name=$2 address=$3

	shift 3
	rm -f "$DIR/head" "$DIR/body"
	in_ns "$CLIENT" curl -sS --max-time "$WAIT" --cacert "$PKI/box-ca.crt" \
		--resolve "$name:$port:$address" -D "$DIR/head" -o "$DIR/body" \
		-w '%{http_code} %{http_version}' "$@" "https://$name:$port/secret" \
		>"$DIR/out" 2>"$DIR/err"
}

# shows PORT NAME ADDRESS [OPTION]...: the page, in the name of a server with that name.
shows()
{
	local text

	get "$@" || fail "curl: $(cat "$DIR/err" "$DIR/kbumpd.log")"
	[ "$(cat "$DIR/out")" = "403 1.1" ] || fail "$(cat "$DIR/out")"
	for text in 'Content-Type: text/html; charset=utf-8' 'Cache-Control: no-store' \
			'Connection: close'; do
		has_line "$DIR/head" "^$text.\$" || fail "$(cat "$DIR/head")"
	done
	has_line "$DIR/body" "refuses connections to <strong>$2</strong>" ||
		fail "$(cat "$DIR/body")"
	has_line "$DIR/body" "Rule $(handle)" || fail "$(cat "$DIR/body")"
}

# not_asked: no request has come to the server; those of this test are all for /secret or /post.
not_asked()
{
	if grep -E '/(secret|post)| 400 ' "$DIR/nginx/access.log"; then
		fail "the server got a request"
	fi
}

# counted TIMES: so many were blocked, and their log says so, since blocked_before.
counted()
{
	settle
	[ "$(stat blocked)" = $(($(cat "$DIR/before") + $1)) ] ||
		fail "blocked: $(cat "$DIR/before"), $(stat blocked)"
	[ "$(grep -c ": refused\(, rule $(handle)\|\): refused by a rule" "$DIR/kbumpd.log")" = "$1" ] ||
		fail "$(cat "$DIR/kbumpd.log")"
}

blocked_before()
{
	stat blocked >"$DIR/before"
}

# said TEXT: in the log of the helper.
said()
{
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" "$1" || fail "$(cat "$DIR/kbumpd.log")"
}

bad_certificate()
{
	needs_kbump
	rule cert expired action block page comment "old & tired"
	spawn monitor "$BOX" "$BUILD/kbump" -j monitor flow
	wait_for "$WAIT" monitoring monitor
	blocked_before
	shows 445 "$NAME" "$SERVER4" --tlsv1.2 --tls-max 1.2
	has_line "$DIR/body" 'Reason: .*expired' || fail "$(cat "$DIR/body")"
	has_line "$DIR/body" ': old &amp; tired<' || fail "$(cat "$DIR/body")"
	shows 445 "$NAME" "$SERVER4" --tlsv1.3
	counted 2
	said 'expired; with a page'
	wait_for "$WAIT" has_line "$DIR/monitor.log" '"reason":"blocked"'
	reap monitor INT
	not_asked
	# Of the same server, what the rule does not want is opened.
	[ "$(fetch4 443 /hello.txt)" = "Hello from the server" ]
	settle
}

# The server is not even connected to.
server_name()
{
	local before

	needs_kbump
	rule sni .blocked.test action block page
	before=$(met)
	blocked_before
	shows 443 "$BLOCKED" "$SERVER4" --tlsv1.2 --tls-max 1.2
	shows 443 "$BLOCKED" "$SERVER4" --tlsv1.3
	shows 443 "$BLOCKED" "[$SERVER6]"
	counted 3
	[ "$(met)" = "$before" ] || fail "connections to the server: $before, $(met)"
}

# All that the first packet decides goes to the helper for the page, and to nobody else.
first_packet()
{
	local before

	needs_kbump
	rule dport 443 action block page fail open
	before=$(met)
	blocked_before
	shows 443 "$NAME" "$SERVER4"
	shows 443 "$NAME" "[$SERVER6]"
	peer_run --port 443 plain >"$DIR/out"
	has_line "$DIR/out" '^answer *end reset' || fail "$(cat "$DIR/out")"
	peer_run --port 443 mute >"$DIR/out"
	has_line "$DIR/out" '^got 0 end reset' || fail "$(cat "$DIR/out")"
	counted 4
	[ "$(met)" = "$before" ] || fail "connections to the server: $before, $(met)"
}

# A client that names no server, or names it by its address.
no_name()
{
	needs_kbump
	rule dport 443 action block page
	get 443 "$SERVER4" "$SERVER4" || fail "curl: $(cat "$DIR/err")"
	[ "$(cat "$DIR/out")" = "403 1.1" ] || fail "$(cat "$DIR/out")"
	has_line "$DIR/body" "<strong>$SERVER4</strong>" || fail "$(cat "$DIR/body")"
	settle
}

no_helper()
{
	local status=0

	needs_kbump
	reap kbumpd
	rule dport 443 action block page fail open
	blocked_before
	get 443 "$NAME" "$SERVER4" || status=$?
	[ "$status" = 7 ] || fail "curl: $status, $(cat "$DIR/err")"
	[ "$(stat blocked)" = $(($(cat "$DIR/before") + 1)) ] || fail "blocked: $(stat blocked)"
	not_asked
	start_kbumpd
}

# tls PORT [OPTION]...: s_client with the standard input, all that it says to $DIR/out.
tls()
{
	local port=$1

	shift
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:$port" \
		-servername "$NAME" -CAfile "$PKI/box-ca.crt" -ign_eof "$@" >"$DIR/out" 2>&1
}

head_only()
{
	needs_kbump
	rule cert expired action block page
	tls 445 <<<$'HEAD / HTTP/1.0\r\n\r' || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" '^HTTP/1.1 403 ' || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" '^Content-Length: [1-9][0-9][0-9]' || fail "$(cat "$DIR/out")"
	if has_line "$DIR/out" '<html'; then
		fail "$(cat "$DIR/out")"
	fi
	settle
}

# Who sends all before it reads gets the answer, and not a reset.
with_a_body()
{
	needs_kbump
	rule cert expired action block page
	peer_run --port 445 --size 1000000 post >"$DIR/out" || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" '^answer HTTP/1.1 403 Forbidden end closed' || fail "$(cat "$DIR/out")"
	head -c 1000000 /dev/zero >"$DIR/post"
	shows 445 "$NAME" "$SERVER4" --data-binary "@$DIR/post"
	settle
	not_asked
}

# Longer than what is kept of it.
long_head()
{
	needs_kbump
	rule cert expired action block page
	shows 445 "$NAME" "$SERVER4" -H "Long: $(head -c 30000 /dev/zero | tr '\0' x)"
	settle
	not_asked
}

# Who cannot read it gets the alert; who turns out not to speak HTTP gets nothing.
other_protocols()
{
	needs_kbump
	rule cert expired action block page
	blocked_before
	if tls 445 -alpn h2 </dev/null; then
		fail "accepted: $(cat "$DIR/out")"
	fi
	has_line "$DIR/out" 'alert certificate expired' || fail "$(cat "$DIR/out")"
	tls 445 -quiet <<<'EHLO client.example' || fail "$(cat "$DIR/out")"
	if has_line "$DIR/out" HTTP; then
		fail "$(cat "$DIR/out")"
	fi
	said 'expired; no page: the client does not speak HTTP'
	tls 445 <<<$'GET / HTTP/1.0\r\n\r' || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" '^HTTP/1.1 403 ' || fail "$(cat "$DIR/out")"
	counted 3
	not_asked
}

# A client that does not trust the box learns nothing, and is blocked all the same.
no_trust()
{
	local status=0

	needs_kbump
	rule cert expired action block page
	blocked_before
	get 445 "$NAME" "$SERVER4" --cacert "$PKI/server-ca.crt" || status=$?
	[ "$status" = 60 ] || fail "curl: $status, $(cat "$DIR/err")"
	said 'expired; no page: '
	counted 1
}

quiet()
{
	needs_kbump
	rule cert expired action block page
	blocked_before
	peer_run --port 445 quiet >"$DIR/out" || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" '^end closed' || fail "$(cat "$DIR/out")"
	said 'expired; no page: time-out'
	counted 1
}

hostile_text()
{
	needs_kbump
	rule dport 443 action block page comment "$HOSTILE"
	tls 443 -servername "$HOSTILE" <<<$'GET / HTTP/1.0\r\n\r' || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" '^HTTP/1.1 403 ' || fail "$(cat "$DIR/out")"
	has_line "$DIR/out" '<strong>&lt;script&gt;&amp;&quot;&#39;</strong>' ||
		fail "$(cat "$DIR/out")"
	has_line "$DIR/out" ": &lt;script&gt;&amp;&quot;&#39;</p>" || fail "$(cat "$DIR/out")"
	if has_line "$DIR/out" '<script'; then
		fail "$(cat "$DIR/out")"
	fi
	settle
}

# certified NAME SUBJECT: whom the certificate is for that a client with that name gets.
certified()
{
	tls 443 -servername "$1" <<<$'GET / HTTP/1.0\r\n\r' || fail "$(cat "$DIR/out")"
	openssl x509 -in "$DIR/out" -noout -issuer -ext subjectAltName >"$DIR/names"
	has_line "$DIR/names" 'kbump test box CA' || fail "$(cat "$DIR/names")"
	[ "$(sed -n '$s/^ *//p' "$DIR/names")" = "$2" ] || fail "$(cat "$DIR/names")"
}

one_host()
{
	needs_kbump
	rule dport 443 action block page
	certified "$BLOCKED" "DNS:$BLOCKED"
	certified '*.test' "IP Address:$SERVER4"
	settle
}

# A session of the server's is not one of the page's, nor the other way round.
no_sessions()
{
	local version

	needs_kbump
	for version in 2 3; do
		ask 443 "-tls1_$version" -sess_out "$DIR/session.$version"
	done
	rule dport 443 action block page
	for version in 2 3; do
		rm -f "$DIR/session.page"
		tls 443 "-tls1_$version" -sess_in "$DIR/session.$version" \
			-sess_out "$DIR/session.page" <<<$'GET / HTTP/1.0\r\n\r' ||
			fail "$(cat "$DIR/out")"
		has_line "$DIR/out" '^HTTP/1.1 403 ' || fail "$(cat "$DIR/out")"
		has_line "$DIR/out" '^New, TLSv1' || fail "TLS 1.$version: $(cat "$DIR/out")"
		if grep -i 'session ticket' "$DIR/out"; then
			fail "TLS 1.$version: a ticket"
		fi
		[ ! -s "$DIR/session.page" ] || mv "$DIR/session.page" "$DIR/page.$version"
	done
	kbump rule del pref 5
	for version in 2 3; do
		[ -e "$DIR/page.$version" ] || continue
		ask 443 "-tls1_$version" -sess_in "$DIR/page.$version"
		has_line "$DIR/out" '^New, TLSv1' || fail "TLS 1.$version: $(cat "$DIR/out")"
	done
	settle
}

configured()
{
	local status=0

	needs_kbump
	rule sni "$BLOCKED" action block page comment "a page"
	kbump rule show | grep -F "sni $BLOCKED action block page comment"
	[ "$(kbump -j rule show | value "[r.get('page') for r in d]")" = '[true, null]' ] ||
		fail "$(kbump -j rule show)"
	kbump save >"$DIR/saved"
	kbump rule del pref 5
	grep '^rule add pref 5 ' "$DIR/saved" | kbump -f -
	kbump save | diff "$DIR/saved" -
	kbump rule add action bypass page >"$DIR/out" 2>&1 || status=$?
	[ "$status" = 1 ] || fail "status $status"
	has_line "$DIR/out" 'page: only action block has a page' || fail "$(cat "$DIR/out")"
}

# The filter of system calls, and all else, has held.
unharmed()
{
	needs_kbump
	[ "$(kbumpd_pids)" = "$(cat "$DIR/pids")" ] || fail "$(cat "$DIR/kbumpd.log")"
}

setup
start_nginx || bail_out "nginx does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_page_case "no helper: it blocks" no_helper
kbumpd_pids >"$DIR/pids"
run_page_case "a certificate that is not right" bad_certificate
run_page_case "a server name" server_name
run_page_case "what the first packet decides" first_packet
run_page_case "a server without a name" no_name
run_page_case "HEAD" head_only
run_page_case "a request with a body" with_a_body
run_page_case "a request with a long head" long_head
run_page_case "other protocols" other_protocols
run_page_case "a client that does not trust the box" no_trust
run_page_case "a client that asks nothing" quiet
run_page_case "text that would be markup" hostile_text
run_page_case "the certificate is for one host" one_host
run_page_case "no session outlives the page" no_sessions
run_page_case "set, shown and saved" configured
run_page_case "all workers are there still" unharmed
finish
