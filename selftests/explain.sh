#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the rules say of a connection, and why: against a model, with tables and connections at
# random; and as kbump shows it. And what becomes of the table's order.

. "$(dirname "$0")/lib.sh"

readonly PRINT=00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF

against_a_model()
{
	needs_kbump
	"$BUILD/selftests/explain"
}

# Each case begins without rules.
run_table_case()
{
	run_case "$@"
	kbump rule flush
}

# handle_of COMMENT
handle_of()
{
	kbump -j rule show | value "[r['handle'] for r in d if r.get('comment') == '$1'][0]"
}

order()
{
	kbump -j rule show | value "' '.join('%s:%d' % (r['comment'], r['pref']) for r in d)"
}

# in_order COMMENT:PREF...
in_order()
{
	[ "$(order)" = "$*" ] || fail "$(order), not $*"
}

# refused TEXT WORD...: kbump says so, and the table is as before.
refused()
{
	local before text=$1

	shift
	before=$(kbump rule show)
	if kbump "$@" >"$DIR/out" 2>&1; then
		fail "kbump $* was taken"
	fi
	grep -F -e "$text" "$DIR/out" || fail "kbump $*: $(cat "$DIR/out")"
	[ "$(kbump rule show)" = "$before" ] || fail "kbump $* has changed the rules"
}

explained()
{
	kbump explain "$@" | sed 's/ handle [0-9]*//; s/by rule .*/by it/' | diff "$DIR/want" - ||
		fail "kbump explain $*"
}

reasons()
{
	needs_kbump
	kbump rule add from 10.9.0.0/16 dport 443 action bypass
	kbump rule add not sni .bank.test not tls no action block
	kbump rule add dport 443,8443,9000-9100 action inspect
	cat >"$DIR/want" <<-END
		unknown (from,dport) pref 10 from 10.9.0.0/16 dport 443 action bypass
		unknown (tls,sni) pref 20 not tls no not sni .bank.test action block
		unknown (dport) pref 30 dport 443,8443,9000-9100 action inspect fail open,upstream=closed,internal=closed
		verdict: depends on from,dport,tls,sni
	END
	explained
	cat >"$DIR/want" <<-END
		no (from) pref 10 from 10.9.0.0/16 dport 443 action bypass
		no (sni) pref 20 not tls no not sni .bank.test action block
		yes pref 30 dport 443,8443,9000-9100 action inspect fail open,upstream=closed,internal=closed
		verdict: inspect by it
	END
	explained from 10.1.0.2 to 10.2.0.2 dport 9050 sni www.bank.test
	cat >"$DIR/want" <<-END
		no (dport) pref 10 from 10.9.0.0/16 dport 443 action bypass
		no (tls) pref 20 not tls no not sni .bank.test action block
		no (dport) pref 30 dport 443,8443,9000-9100 action inspect fail open,upstream=closed,internal=closed
		verdict: left alone, as no rule can want it
	END
	explained dport 80 tls no
}

as_json()
{
	needs_kbump
	kbump rule add not from 10.0.0.0/8,192.168.0.0/16 action block comment a
	kbump rule add issuer "O=Some Org" action bypass comment b
	kbump rule add action inspect comment c
	kbump -j explain from 172.16.0.1 | value "d['rule'] == d['rules'][0]['handle'] and
		d['action'] == 'block' and d['rules'][0]['not'] == ['from'] and
		d['rules'][0]['from'] == ['10.0.0.0/8', '192.168.0.0/16']" | grep true
	kbump -j explain from 10.3.2.1 | value "d['depends'] == ['issuer'] and 'action' not in d and
		[(r['answer'], r.get('why')) for r in d['rules']] ==
		[('no', ['from']), ('unknown', ['issuer']), ('yes', None)]" | grep true
	kbump -j explain from 10.3.2.1 issuer 'CN=x,O=some org,C=DE' |
		value "d['action'] == 'bypass' and d['rule'] == d['rules'][1]['handle']" | grep true
	kbump -j explain from 10.3.2.1 issuer '' | value "d['action'] == 'inspect'" | grep true
	kbump -j explain rule-set guests from 10.3.2.1 | value "d['action'] == 'bypass' and
		[(r['answer'], r['why']) for r in d['rules']] == [('no', ['rule-set'])] * 3" | grep true
}

# All matchers at once, in the form that is read back.
saved()
{
	needs_kbump
	kbump rule add not from 10.0.0.0/8,192.168.0.0/16 to 10.2.0.0/24 not sport 1-1023 \
		dport 443,8000-8999 iif c0 not vlan 0,5-9 mark 0x10/0xf0 not zone 3 ctmark 0x7 \
		ctlabel 127 tls 1.2,1.3 not sni .bank.test alpn h2 ech no not cert ok,expired \
		issuer "CN=R3,O=Let's Encrypt" fingerprint "$PRINT" action block
	kbump rule add rule-set guests ech yes not fingerprint "$PRINT" action bypass
	kbump save >"$DIR/saved"
	kbump rule show | sed 's/^handle [0-9]* /rule add /' | diff - <(grep '^rule ' "$DIR/saved")
	kbump rule flush
	kbump -f "$DIR/saved"
	kbump save | diff "$DIR/saved" -
	grep -F 'issuer "CN=R3,O=Let'"'"'s Encrypt" fingerprint '"${PRINT,,}" "$DIR/saved"
	kbump rule flush
	kbump rule add fingerprint "$(sed 's/../&:/g; s/:$//' <<<"$PRINT")" action block
	kbump rule show | grep -F "fingerprint ${PRINT,,}"
}

places()
{
	local handle

	needs_kbump
	kbump rule insert action bypass comment a
	kbump rule add pref 10 action bypass comment b
	kbump rule add pref 20 action bypass comment c
	in_order a:10 b:10 c:20
	kbump rule insert pref 20 action bypass comment d
	kbump rule insert action bypass comment e
	kbump rule insert handle "$(handle_of b)" action bypass comment f
	in_order e:10 a:10 f:10 b:10 d:20 c:20
	kbump rule move handle "$(handle_of a)" pref 20
	kbump rule move handle "$(handle_of c)" pref 5
	in_order c:5 e:10 f:10 b:10 d:20 a:20
	handle=$(handle_of e)
	kbump rule replace handle "$handle" dport 443 action block comment g
	[ "$(handle_of g)" = "$handle" ] || fail "another handle"
	in_order c:5 g:10 f:10 b:10 d:20 a:20
	# A copy of a copy goes as well as its first.
	handle=$(handle_of a)
	kbump rule move handle "$handle" pref 1
	kbump rule move handle "$handle" pref 30
	[ "$(handle_of a)" = "$handle" ] || fail "another handle"
	kbump rule del handle "$handle"
	in_order c:5 g:10 f:10 b:10 d:20
}

places_told()
{
	local handle

	needs_kbump
	spawn monitor "$BOX" "$BUILD/kbump" -j monitor rule
	wait_for "$WAIT" monitoring monitor
	kbump rule insert action bypass comment a
	handle=$(handle_of a)
	kbump rule replace handle "$handle" action block comment b
	kbump -e rule move handle "$handle" pref 7 | grep -F "handle $handle pref 7 action block"
	wait_for "$WAIT" has_line "$DIR/monitor.log" '"rule insert"'
	wait_for "$WAIT" has_line "$DIR/monitor.log" '"rule replace".*"block"'
	wait_for "$WAIT" has_line "$DIR/monitor.log" '"rule move".*"pref":7'
	reap monitor INT
}

mistakes()
{
	local list

	needs_kbump
	list=$(seq -s , 17)
	kbump rule add action bypass comment a
	refused 'has more than 16 values' rule add dport "$list" action block
	refused '"action" cannot be negated' rule add not action block
	refused '"not" needs a matcher' rule add action block not
	refused 'unknown word "not"' rule add not not sni a action block
	refused 'different address families' rule add from 10.0.0.0/8,fd00::/8 action block
	refused 'different address families' rule add from 10.0.0.0/8 to fd00::/8 action block
	refused 'first port is above the last' rule add dport 443,9-8 action block
	refused 'not a VLAN or a range of VLANs (0-4095)' rule add vlan 4096 action block
	refused 'not a TLS version' rule add tls 1.2,2.0 action block
	refused 'not a fingerprint' rule add fingerprint 00:11 action block
	refused 'not a conntrack label (0-127)' rule add ctlabel 128 action block
	refused 'no rule has this handle' rule insert handle 999999 action block
	refused 'no rule has this pref' rule insert pref 999 action block
	refused 'either handle or pref' rule insert handle 1 pref 2 action block
	refused 'first give the "handle"' rule replace action block
	refused 'has its pref' rule replace handle "$(handle_of a)" pref 3 action block
	refused 'no rule has this handle' rule replace handle 999999 action block
	refused '"handle" and its new "pref"' rule move handle 3
	refused 'no rule has this handle' rule move handle 999999 pref 3
	refused 'different families' explain from 10.0.0.1 to fd00::1
	refused 'not one address' explain from 10.0.0.0/8
	refused 'neither name, protocols nor certificate' explain tls no sni a.test
	refused 'has an empty protocol' explain alpn h2,,x
}

setup
run_case "random tables against a model" against_a_model
run_table_case "reasons" reasons
run_table_case "reasons in JSON" as_json
run_table_case "all matchers are saved" saved
run_table_case "insert, replace and move" places
run_table_case "these are told" places_told
run_table_case "mistakes change nothing" mistakes
finish
