#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Through the box: of a server whose certificate is not right the client is warned or, where a
# rule says so, gets the alert that is for it, and the server not a byte. All that can be wrong
# with one is in certs.sh.

. "$(dirname "$0")/lib.sh"

readonly CERTS=$BUILD/selftests/certs
readonly PORT=9443
# In the order of their ports; each state of a certificate once, and two that are good.
readonly ROWS="good good-rsa expired wrong-host self-signed untrusted-root-sent rsa-1024
	wrong-signature crl-revoked staple-revoked must-staple client-cert"

port_of()
{
	local row port=$PORT

	for row in $ROWS; do
		[ "$row" != "$1" ] || { echo "$port"; return; }
		port=$((port + 1))
	done
	fail "no row $1"
}

start_servers()
{
	mkdir "$DIR/lab"
	# shellcheck disable=SC2086 # words
	spawn servers "$SERVER" "$CERTS" serve "$DIR/lab" "$SERVER4" "$PORT" $ROWS
	wait_for "$WAIT" has_line "$DIR/servers.log" '^ready$'
}

# The box trusts what each row wants to be trusted, and has its revocation lists.
start_box()
{
	mkdir -p "$DIR/lists"
	cat "$DIR"/lab/*/trusted.pem >"$DIR/trusted.pem"
	cp "$DIR/lab/crl-revoked/crl.pem" "$DIR/lists/"
	# Read anew they are by a user without rights.
	chmod 711 "$DIR"
	chmod -R a+rX "$DIR/lists" "$DIR/trusted.pem"
	spawn kbumpd "$BOX" "$BUILD/kbumpd" --ca-cert "$PKI/box-ca.crt" --ca-key "$PKI/box-ca.key" \
		--trust "$DIR/trusted.pem" --crl "$DIR/lists" --workers 1 "$@"
	wait_for "$WAIT" has_line "$DIR/kbumpd.log" 'kbumpd: ready'
}

# connect ROW [OPTION]...: a client that sends a request when it has a connection.
connect()
{
	local row=$1

	shift
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -quiet -verify_return_error \
		-CAfile "$PKI/box-ca.crt" -connect "$SERVER4:$(port_of "$row")" \
		-servername www.example.test "$@" >"$DIR/client.log" 2>&1 \
		<<<$'GET / HTTP/1.0\r\n\r\n'
}

passes()
{
	connect "$@" || true
	has_line "$DIR/client.log" '200 OK' || fail "$(cat "$DIR/client.log")"
	wait_for "$WAIT" has_line "$DIR/servers.log" "^got $1 "
	settle
}

# refused ROW ALERT REASON: as openssl words the alert, and kbumpd the reason.
refused()
{
	local row=$1 alert=$2 reason=$3

	if connect "$row"; then
		fail "accepted"
	fi
	cat "$DIR/client.log"
	has_line "$DIR/client.log" "alert $alert" || fail "no alert: $alert"
	has_line "$DIR/kbumpd.log" "$reason" || fail "$(cat "$DIR/kbumpd.log")"
	settle
	if has_line "$DIR/servers.log" "^got $row "; then
		fail "the server got the request"
	fi
}

# The issuer of the certificate that a client gets from ROW's server.
issuer_from()
{
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -connect "$SERVER4:$(port_of "$1")" \
		-servername www.example.test </dev/null 2>/dev/null |
		openssl x509 -noout -issuer 2>/dev/null | sed 's/.*CN *= *//'
}

# warned ROW: without a rule about it the client's own checks fail. Who ignores that gets on.
warned()
{
	local found

	: >"$DIR/servers.log"
	found=$(issuer_from "$1")
	[ "$found" = "kbump: server NOT verified" ] || fail "issuer: $found"
	if connect "$1"; then
		fail "accepted"
	fi
	has_line "$DIR/client.log" 'verify error' || fail "$(cat "$DIR/client.log")"
	settle
	if has_line "$DIR/servers.log" "^got $1 "; then
		fail "the server got the request"
	fi
	connect_anyway "$1"
	wait_for "$WAIT" has_line "$DIR/servers.log" "^got $1 "
	settle
	: >"$DIR/servers.log"
}

connect_anyway()
{
	in_ns "$CLIENT" timeout "$WAIT" openssl s_client -quiet -connect "$SERVER4:$(port_of "$1")" \
		-servername www.example.test >"$DIR/client.log" 2>&1 <<<$'GET / HTTP/1.0\r\n\r\n' || true
	has_line "$DIR/client.log" '200 OK' || fail "$(cat "$DIR/client.log")"
}

# left_alone ROW: the client sees the server's own certificate.
left_alone()
{
	local found before

	before=$(stat bypassed)
	found=$(issuer_from "$1")
	case $found in
	""|kbump*) fail "issuer: $found" ;;
	esac
	settle
	[ "$(stat bypassed)" = $((before + 1)) ] || fail "bypassed: $before, $(stat bypassed)"
}

by_rule()
{
	kbump rule add pref 5 cert self-signed,client-auth action bypass
	left_alone self-signed
	left_alone client-cert
	kbump rule del pref 5
}

# A client that says it has tried TLS 1.3 in vain, to a server that has it.
fallback()
{
	if connect good -fallback_scsv -no_tls1_3; then
		fail "accepted"
	fi
	has_line "$DIR/client.log" 'alert inappropriate fallback' || fail "$(cat "$DIR/client.log")"
	settle
}

reloads()
{
	[ "$(grep -c 'are read anew\|stay as they were' "$DIR/kbumpd.log")" -ge "$1" ]
}

is_refused()
{
	(refused "$@") >"$DIR/refused" 2>&1
}

# Whether the box believes a server is changed by a file and a signal, and not by a bad file.
reload()
{
	passes good
	: >"$DIR/servers.log"
	echo nonsense >"$DIR/trusted.pem"
	kill -HUP "$(pid_of kbumpd)"
	wait_for "$WAIT" reloads 1
	has_line "$DIR/kbumpd.log" 'trusted.pem: no certificates' || fail "it does not say why"
	passes good
	: >"$DIR/servers.log"
	cp "$DIR/lab/good-rsa/trusted.pem" "$DIR/trusted.pem"
	kill -HUP "$(pid_of kbumpd)"
	wait_for "$WAIT" reloads 2
	wait_for "$WAIT" is_refused good 'unknown ca' 'get local issuer' ||
		fail "$(cat "$DIR/refused")"
	passes good-rsa
}

min_version()
{
	reap kbumpd
	cat "$DIR"/lab/*/trusted.pem >"$DIR/trusted.pem"
	start_box --min-version 1.3 --ciphers TLS_AES_256_GCM_SHA384
	passes good
	if connect good -no_tls1_3; then
		fail "TLS 1.2 was accepted"
	fi
	has_line "$DIR/kbumpd.log" 'no version that --min-version allows' ||
		fail "$(cat "$DIR/kbumpd.log")"
	if connect good -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256; then
		fail "another suite was accepted"
	fi
	has_line "$DIR/kbumpd.log" 'nothing that --min-version and --ciphers allow' ||
		fail "$(cat "$DIR/kbumpd.log")"
	settle
}

usage()
{
	local option

	for option in "--ocsp strict" "--min-version 1.4" "--min-version 1.1" \
		"--ciphers DES-CBC3-SHA" "--crl /nonexistent" \
		"--trust /nonexistent" "--crl x --ocsp off"; do
		# shellcheck disable=SC2086 # words
		if "$BUILD/kbumpd" --ca-cert "$PKI/box-ca.crt" --ca-key "$PKI/box-ca.key" \
			$option >"$DIR/out" 2>&1; then
			fail "$option was taken"
		fi
		grep -q -e "${option%% *}" -e nonexistent "$DIR/out" || fail "$(cat "$DIR/out")"
	done
}

setup
[ -z "$DIRECT" ] || { echo "1..0 # SKIP needs kbump"; exit 0; }
start_servers || bail_out "the servers do not start"
start_box || bail_out "kbumpd does not start"
kbump tool add ids dev tool0
kbump rule add dport 9443-9499 action inspect tool ids || bail_out "cannot add the rule"
run_case "a good server" passes good
run_case "a good server, TLS 1.2" passes good-rsa -no_tls1_3
run_case "a server that did not verify" warned expired
run_case "a server that wants to know the client" left_alone client-cert
run_case "left alone by a rule" by_rule
kbump rule add pref 5 cert expired,name-mismatch,self-signed,untrusted,weak,invalid,revoked,client-auth \
	action block || bail_out "cannot add the rule"
run_case "expired" refused expired 'certificate expired' 'certificate has expired'
run_case "wrong name" refused wrong-host 'certificate unknown' 'for another name'
run_case "self-signed" refused self-signed 'unknown ca' 'self-signed certificate$'
run_case "untrusted" refused untrusted-root-sent 'unknown ca' 'self-signed certificate in'
run_case "weak" refused rsa-1024 'bad certificate' 'key too weak'
run_case "invalid" refused wrong-signature 'bad certificate' 'signature failure'
run_case "revoked by a list" refused crl-revoked 'certificate revoked' 'certificate revoked'
run_case "revoked by a stapled response" refused staple-revoked 'certificate revoked' 'stapled'
run_case "a stapled response that is missing" refused must-staple 'bad certificate' 'promises'
run_case "a server that wants a client certificate" refused client-cert 'handshake failure' \
	'wants a client certificate'
run_case "a client's second try with less" fallback
run_case "trust is read anew by SIGHUP" reload
run_case "--min-version and --ciphers" min_version
run_case "bad options" usage
finish
