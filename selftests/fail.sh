#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What becomes of a connection that should be inspected and cannot be: as its rule says, by the
# cause. What passes then is between client and server alone.

. "$(dirname "$0")/lib.sh"

readonly OTHER=other.example.test PARAMETERS=/sys/module/kbump/parameters

# to PORT OPTION...: does the client talk with the server itself?
to()
{
	local port=$1

	shift
	( ask "$port" -CAfile "$PKI/server-ca.crt" "$@" )
}

refused()
{
	if to "$@" >/dev/null; then
		fail "it passed: $(kbump rule show)"
	fi
}

passes()
{
	to "$@" || fail "it did not pass: $(kbump rule show)"
}

failed_of_rule()
{
	kbump -j -s rule show | value "[r['failed'] for r in d if r['pref'] == 5][0]"
}

# counted COUNTER COMMAND...: it is counted once, of the namespace and of the rule.
counted()
{
	local counter=$1 before

	before=$(stat "$counter")
	shift
	"$@"
	settle
	[ "$(stat "$counter")" = $((before + 1)) ] || fail "$counter: $before, $(kbump stat show)"
	[ "$(failed_of_rule)" = 1 ] || fail "rule: $(kbump -s rule show)"
}

# set_rule WORD...: in the place of the last one.
set_rule()
{
	kbump rule del pref 5 2>/dev/null || true
	rule "$@"
}

# Key exchange in finite fields is what the box never does.
foreign_server()
{
	needs_kbump
	serve 447 -tls1_2 -cert "$PKI/rsa.crt" -key "$PKI/rsa.key" \
		-cipher DHE-RSA-AES128-GCM-SHA256
	set_rule dport 447 action inspect
	counted fail_upstream refused 447
	set_rule dport 447 action inspect fail open,upstream=closed
	counted fail_upstream refused 447
	spawn monitor "$BOX" "$BUILD/kbump" monitor flow
	wait_for "$WAIT" monitoring monitor
	set_rule dport 447 action inspect fail open
	counted fail_upstream passes 447
	wait_for "$WAIT" has_line "$DIR/monitor.log" 'action bypass rule [0-9]* cause upstream'
	reap monitor INT
	set_rule dport 447 action inspect fail closed,upstream=open
	counted fail_upstream passes 447
	# Before it is known what rule it is for.
	set_rule dport 447 cert ok action inspect fail closed,upstream=open
	kbump rule add pref 6 dport 447 action inspect fail open
	counted fail_upstream passes 447
	kbump rule del pref 6
	kbump rule add pref 6 dport 447 action inspect fail closed
	refused 447
	settle
	reap s_server
}

# It cannot be opened, nor left alone.
no_server()
{
	local fail

	needs_kbump
	for fail in open closed; do
		set_rule dport 449 action inspect fail "$fail"
		counted fail_upstream refused 449
	done
}

# A signer that does not answer.
no_certificate()
{
	local signer

	needs_kbump
	reap kbumpd
	start_kbumpd
	signer=$(children signer)
	kill -STOP "$signer"
	set_rule dport 443 action inspect
	counted fail_internal refused 443
	set_rule dport 443 action inspect fail open
	counted fail_internal passes 443
	kill -CONT "$signer"
	reap kbumpd
	start_kbumpd
}

no_helper()
{
	needs_kbump
	reap kbumpd
	set_rule dport 443 action inspect
	counted fail_helper passes 443
	set_rule dport 443 action inspect fail open,helper=closed
	counted fail_helper refused 443
	set_rule dport 443 action inspect fail closed,helper=open
	counted fail_helper passes 443
	# Of two rules that may match, the one that is strict in this.
	set_rule dport 443 sni "$NAME" action inspect fail closed,helper=open
	kbump rule add pref 6 dport 443 sni "$OTHER" action inspect fail open,helper=closed
	refused 443
	start_kbumpd
}

at_limit()
{
	local before status=0

	needs_kbump
	before=$(cat "$PARAMETERS/max_handshakes")
	echo 0 >"$PARAMETERS/max_handshakes"
	( limits ) || status=1
	echo "$before" >"$PARAMETERS/max_handshakes"
	[ "$status" = 0 ]
}

limits()
{
	set -e
	set_rule dport 443 action inspect fail closed,limit=open
	counted fail_limit passes 443
	set_rule dport 443 action inspect fail open,limit=closed
	counted fail_limit refused 443
}

# What is saved and read back is the same; mistakes change nothing.
in_words()
{
	local fail bad

	needs_kbump
	for fail in open closed open,upstream=closed,internal=closed closed,helper=open; do
		set_rule dport 1 action inspect fail "$fail"
		kbump save | grep " dport 1 .*fail $fail\$" >"$DIR/saved" || fail "$(kbump save)"
		kbump rule del pref 5
		kbump -f - <"$DIR/saved"
		kbump save | grep -qxF "$(cat "$DIR/saved")" || fail "$(kbump save)"
	done
	kbump -j rule show >"$DIR/out"
	[ "$(value '[[r["fail"], r["fail_except"]] for r in d if r["pref"] == 5]' <"$DIR/out")" = \
	  '[["closed", ["helper"]]]' ]
	for bad in '' shut open,upstream upstream=open open,upstream=shut open,weather=closed \
		open,upstream=open open,limit=closed,limit=closed 'open,'; do
		if kbump rule add pref 6 dport 1 action inspect fail "$bad" >"$DIR/out" 2>&1; then
			fail "taken: $bad"
		fi
		[ -s "$DIR/out" ]
	done
	[ "$(kbump -j rule show | value 'len([r for r in d if r["pref"] == 6])')" = 0 ]
}

setup
start_nginx || bail_out "nginx does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_rule_case "a server that no TLS can be had with" foreign_server
run_rule_case "a server that is not there" no_server
run_rule_case "a signer that does not answer" no_certificate
run_rule_case "no helper" no_helper
run_rule_case "a limit" at_limit
run_rule_case "settings and mistakes" in_words
finish
