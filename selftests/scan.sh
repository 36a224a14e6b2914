#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What scanners say of the client leg, compared with what they say of the server behind the box:
# nginx with the same OpenSSL and Mozilla's intermediate profile. Run by name, see scripts/check
# --help.

# A scan makes some hundred connections, each with new processes: these are limits.
export KBUMP_TEST_WAIT=${KBUMP_TEST_WAIT:-600} KBUMP_TEST_LIMIT=${KBUMP_TEST_LIMIT:-3600}
. "$(dirname "$0")/lib.sh"

# The same server on two ports: the first is inspected, the other is not.
readonly THROUGH=449 DIRECTLY=9449
# Protocols, categories of ciphers, forward secrecy, preferences, certificate, vulnerabilities.
readonly PARTS=(-p -s -f -P -S -U)

write_intermediate()
{
	cat <<-CONF
		daemon off;
		user root;
		pid $DIR/nginx/pid;
		error_log $DIR/nginx/error.log;
		events {}
		http {
			access_log off;
			root $DIR/www;
			server {
				listen $THROUGH ssl http2;
				listen $DIRECTLY ssl http2;
				ssl_certificate $PKI/rsa.crt;
				ssl_certificate_key $PKI/rsa.key;
				ssl_certificate $PKI/ecdsa.crt;
				ssl_certificate_key $PKI/ecdsa.key;
				ssl_session_timeout 1d;
				ssl_session_cache shared:session:1m;
				ssl_protocols TLSv1.2 TLSv1.3;
				ssl_ciphers '$1';
				ssl_prefer_server_ciphers off;
			}
		}
	CONF
}

intermediate_ciphers()
{
	local auth cipher

	for cipher in AES128-GCM-SHA256 AES256-GCM-SHA384 CHACHA20-POLY1305; do
		for auth in ECDSA RSA; do
			printf 'ECDHE-%s-%s:' "$auth" "$cipher"
		done
	done
	echo DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305
}

start_intermediate()
{
	write_intermediate "$(intermediate_ciphers)" >"$DIR/nginx/conf"
	spawn nginx "$SERVER" nginx -e "$DIR/nginx/error.log" -c "$DIR/nginx/conf"
	wait_for "$WAIT" listens "$SERVER" "$DIRECTLY"
}

# testssl PORT: its findings to $DIR/PORT.json.
test_port()
{
	in_ns "$CLIENT" testssl --quiet --color 0 --warnings off --nodns min --ip "$SERVER4" \
		--openssl-timeout "$WAIT" --connect-timeout "$WAIT" \
		--add-ca "$PKI/box-ca.crt,$PKI/server-ca.crt" --jsonfile "$DIR/$1.json" \
		"${PARTS[@]}" "$NAME:$1" >"$DIR/$1.testssl" 2>&1
}

# worse: findings of the first file that the second has not, or not as bad. A warning is one, as
# a part that did not come to its end gives it. Certificates are not counted: which of the server's
# a forged one stands for is the server's choice, and there is one for each kind of client.
worse()
{
	/usr/bin/python3 -ISc 'import json, re, sys
RANKS = ["LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL"]
def findings(name):
    with open(name) as file:
        found = [f for f in json.load(file) if f["severity"] in RANKS]
    for f in found:
        f["id"] = re.sub(" <cert#[0-9]+>", "", f["id"])
    return found
known = {}
for f in findings(sys.argv[2]):
    known[f["id"]] = max(known.get(f["id"], 0), RANKS.index(f["severity"]) + 1)
for f in findings(sys.argv[1]):
    if RANKS.index(f["severity"]) + 1 > known.get(f["id"], 0):
        print(f["severity"], f["id"], f["finding"])' "$DIR/$THROUGH.json" "$DIR/$DIRECTLY.json"
}

# Each scan says something about all its parts.
is_whole()
{
	local id

	for id in TLS1_3 cipherlist_NULL P?FS cipher_order cert_chain_of_trust heartbleed ROBOT \
		LUCKY13 RC4; do
		grep -q -E "\"id\" *: \"$id" "$DIR/$1.json" ||
			fail "$1: nothing about $id: $(cat "$DIR/$1.json")"
	done
}

# Below 50 the exit status counts what was ambiguous, as a slow machine makes it be.
readonly AMBIGUOUS=50

testssl_compares()
{
	local found scan through=0 directly=0

	test_port "$DIRECTLY" &
	scan=$!
	test_port "$THROUGH" || through=$?
	wait "$scan" || directly=$?
	[ "$directly" -lt "$AMBIGUOUS" ] || fail "$directly: $(tail -n 40 "$DIR/$DIRECTLY.testssl")"
	[ "$through" -le "$directly" ] || fail "$through: $(tail -n 40 "$DIR/$THROUGH.testssl")"
	is_whole "$DIRECTLY"
	is_whole "$THROUGH"
	found=$(worse)
	[ -z "$found" ] || fail "$found"
}

# scan_port PORT: what sslscan found to be possible, or wrong.
scan_port()
{
	in_ns "$CLIENT" timeout "$CASE_LIMIT" sslscan --no-colour --sni-name="$NAME" "$SERVER4:$1" \
		>"$DIR/out" 2>&1 || fail "$(cat "$DIR/out")"
	grep -E -e ' enabled$|^TLS.* vulnerable|^Insecure |not support TLS Fallback' \
		-e '^(Accepted|Preferred) | bits? +[0-9A-Za-z]+ ' "$DIR/out" |
		sed -E 's/^(Accepted|Preferred) +//' | sort -u >"$DIR/$1.sslscan"
	[ "$(wc -l <"$DIR/$1.sslscan")" -gt 10 ] || fail "$(cat "$DIR/out")"
}

sslscan_compares()
{
	scan_port "$DIRECTLY"
	scan_port "$THROUGH"
	comm -13 "$DIR/$DIRECTLY.sslscan" "$DIR/$THROUGH.sslscan" >"$DIR/more"
	[ ! -s "$DIR/more" ] || fail "$(cat "$DIR/more")"
}

is_inspected()
{
	needs_kbump
	[ "$(issuer "$THROUGH")" = "kbump test box CA" ]
	[ "$(issuer "$DIRECTLY")" = "kbump test server CA" ]
}

setup
start_intermediate || bail_out "nginx does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "one port is inspected, one is not" is_inspected
run_case "sslscan finds nothing that nginx has not" sslscan_compares
run_case "testssl finds nothing that it does not find of nginx" testssl_compares
finish
