#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Connections of the box's own processes: opened by rules that ask for their owner, and by no other
# rule; kbumpd's own never are. The clients of this test run in the box.

. "$(dirname "$0")/lib.sh"

readonly BOX_CA="kbump test box CA" SERVER_CA="kbump test server CA"
readonly OTHER=other.example.test LATER=10.9.9.9 SECOND=10.3.0.1
readonly ALICE=1000 BOB=1001 EVERYBODY=0-4294967294
# Of kbumpd, where no user has its name.
readonly NOBODY=65534

# as UID COMMAND...: in the box.
as()
{
	local uid=$1

	shift
	in_ns "$BOX" setpriv --reuid "$uid" --clear-groups --bounding-set=-all "$@"
}

# owned UID PORT NAME [ADDRESS]: the issuer of the certificate that this user's client sees.
owned()
{
	as "$1" timeout "$WAIT" openssl s_client -connect "${4:-$SERVER4}:$2" -servername "$3" \
		</dev/null 2>/dev/null | openssl x509 -noout -issuer 2>/dev/null | sed 's/.*CN *= *//'
}

# user_sees UID ISSUER [PORT [NAME]]: by both families.
user_sees()
{
	local address found

	for address in "$SERVER4" "[$SERVER6]"; do
		found=$(owned "$1" "${3:-443}" "${4:-$NAME}" "$address")
		[ "$found" = "$2" ] || fail "user $1, $address: issuer \"$found\", not \"$2\""
	done
}

# fetch UID PATH [CURL-OPTION]...: as fetch4(), with the box's CA.
fetch()
{
	local uid=$1 path=$2

	shift 2
	as "$uid" curl -sS --max-time "$WAIT" --cacert "$DIR/ca/box-ca.crt" \
		--resolve "$NAME:443:$SERVER4" "$@" "https://$NAME$path"
}

# refused UID PORT: by a reset, at once, by both families.
refused()
{
	local address

	for address in "$SERVER4" "$SERVER6"; do
		as "$1" timeout "$WAIT" bash -c ": >/dev/tcp/$address/$2" >"$DIR/out" 2>&1 &&
			fail "user $1 has connected to $address"
		grep 'Connection refused' "$DIR/out" || fail "$(cat "$DIR/out")"
	done
}

hits()
{
	kbump -j -s rule show | value "[r['hits'] for r in d if r['pref'] == $1][0]"
}

inspect_owner()
{
	rule uid "$1" dport 443-449 action inspect tool ids learn off
}

by_owner()
{
	local before

	needs_kbump
	inspect_owner "$ALICE"
	before=$(stat steered)
	user_sees "$ALICE" "$BOX_CA"
	settle
	# One of each family: what goes from kbumpd to the server is not taken again.
	[ "$(stat steered)" = "$((before + 2))" ] || fail "steered: $before, $(stat steered)"
	user_sees "$BOB" "$SERVER_CA"
	user_sees 0 "$SERVER_CA"
	[ "$(stat steered)" = "$((before + 2))" ] || fail "steered: $before, $(stat steered)"
	# What passes the box has no owner.
	kbump rule del pref 10
	sees 443 "$NAME" "$SERVER_CA"
	kbump rule add pref 10 dport 443-449 action inspect tool ids learn off
}

clear_text()
{
	needs_kbump
	inspect_owner "$ALICE"
	capture_start
	fetch "$ALICE" "/hello.txt?local$ALICE" --http1.1 | grep '^Hello from the server'
	capture_stop
	mirror_clean || fail "the mirror has faults"
	grep -a "GET /hello.txt?local$ALICE" "$DIR/mirror.pcap" | grep -a HTTP/1.1
	grep "^10.2.0.1 443 HTTP/1.1 200 /hello.txt?local$ALICE " "$DIR/nginx/access.log"
}

# In both directions, with all that segments and windows do.
large()
{
	needs_kbump
	inspect_owner "$ALICE"
	fetch "$ALICE" /large | cmp - "$DIR/www/large"
	fetch "$ALICE" /up/large -T "$DIR/www/large"
	cmp "$DIR/www/up/large" "$DIR/www/large"
	settle
}

# The rules of a box that was there before.
by_other_rules()
{
	local before uid

	needs_kbump
	before=$(stat steered)
	rule to 10.2.0.0/24 dport 443 action block
	kbump rule add pref 6 not iif c0 action inspect
	kbump rule add pref 7 vlan 0 not uid "$BOB" action block
	for uid in 0 "$ALICE" "$BOB" "$NOBODY"; do
		user_sees "$uid" "$SERVER_CA"
	done
	[ "$(stat steered)" = "$before" ] || fail "steered: $before, $(stat steered)"
	[ "$(hits 5) $(hits 6) $(hits 7)" = "0 0 0" ] || fail "$(kbump -s rule show)"
	# A tool's wish to see what is left alone is no reason either.
	kbump rule del pref 5
	rule sni "$NAME" action bypass tool ids
	user_sees "$ALICE" "$SERVER_CA"
	[ "$(stat steered)" = "$before" ] || fail "steered: $before, $(stat steered)"
}

never_its_own()
{
	local before

	needs_kbump
	inspect_owner "$EVERYBODY"
	before=$(stat steered)
	[ "$(ps -o uid= "$(pid_of kbumpd)" | tr -d ' ')" = "$NOBODY" ] || fail "kbumpd is another's"
	user_sees "$NOBODY" "$SERVER_CA"
	[ "$(stat steered)" = "$before" ] || fail "steered: $before, $(stat steered)"
	user_sees 0 "$BOX_CA"
	sees 443 "$NAME" "$BOX_CA"
	settle
	[ "$(stat steered)" = "$((before + 3))" ] || fail "steered: $before, $(stat steered)"
}

# What stays on the host is none of ours, as all that is addressed to the box.
to_itself()
{
	local before address

	needs_kbump
	inspect_owner "$EVERYBODY"
	before=$(stat steered)
	for address in 127.0.0.1 10.2.0.1 ::1; do
		as "$ALICE" bash -c ": >/dev/tcp/$address/443" >"$DIR/out" 2>&1 && fail "connected"
		grep 'Connection refused' "$DIR/out" || fail "$(cat "$DIR/out")"
	done
	[ "$(stat steered)" = "$before" ] || fail "steered: $before, $(stat steered)"
}

ranges()
{
	needs_kbump
	rule uid "7,$ALICE-$BOB,nobody" action inspect
	kbump rule show | grep -F "uid 7,$ALICE-$BOB,$NOBODY action"
	kbump -j rule show | value "d[0]['uid']" |
		grep -x -F "[7, {\"min\": $ALICE, \"max\": $BOB}, $NOBODY]"
	kbump save >"$DIR/saved"
	grep -F "uid 7,$ALICE-$BOB,$NOBODY action" "$DIR/saved"
	user_sees 7 "$BOX_CA"
	user_sees "$BOB" "$BOX_CA"
	user_sees 1002 "$SERVER_CA"
	user_sees 6 "$SERVER_CA"
	settle
}

bad_owners()
{
	local word

	needs_kbump
	for word in 4294967295 -1 1-0 1- -2 nosuchuser 1-bob '' 1,,2 \
		1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17; do
		if kbump rule add uid "$word" action inspect >"$DIR/out" 2>&1; then
			fail "uid $word was taken"
		fi
		[ -s "$DIR/out" ] || fail "uid $word: not a word"
	done
	kbump explain uid 1 iif c0 2>&1 | grep 'by no interface'
}

# Who is not named is left alone by that; nobody is opened by it.
not_owner()
{
	needs_kbump
	rule not uid "$ALICE" dport 446 action bypass
	kbump rule add pref 6 uid "$ALICE,$BOB" action inspect
	user_sees "$ALICE" "$BOX_CA"
	user_sees "$BOB" "$BOX_CA"
	[ "$(owned "$BOB" 446 "$NAME")" = "$SERVER_CA" ] || fail "the other user was opened"
	[ "$(owned "$ALICE" 446 "$NAME")" = "$BOX_CA" ] || fail "the user was not opened"
	# What passes the box has no owner: it is not that one.
	sees 446 "$NAME" "$SERVER_CA"
	settle
}

by_name_too()
{
	needs_kbump
	rule uid "$ALICE" sni "$NAME" action inspect
	user_sees "$ALICE" "$BOX_CA"
	user_sees "$ALICE" "$SERVER_CA" 443 "$OTHER"
	user_sees "$BOB" "$SERVER_CA"
	settle
}

# What must stay private stays so for all, whoever asks.
private_name()
{
	local before

	needs_kbump
	rule sni "$OTHER" action bypass
	kbump rule add pref 6 uid "$ALICE" action inspect
	before=$(stat bypassed)
	user_sees "$ALICE" "$SERVER_CA" 443 "$OTHER"
	[ "$(stat bypassed)" = "$((before + 2))" ] || fail "bypassed: $before, $(stat bypassed)"
	user_sees "$ALICE" "$BOX_CA"
	settle
}

blocked()
{
	local before

	needs_kbump
	before=$(stat blocked)
	rule uid "$ALICE" dport 446 action block
	refused "$ALICE" 446
	[ "$(stat blocked)" = "$((before + 2))" ] || fail "blocked: $before, $(stat blocked)"
	[ "$(owned "$BOB" 446 "$NAME")" = "$SERVER_CA" ] || fail "the other user is blocked"
	kbump rule add pref 6 uid "$ALICE" sni "$NAME" action block
	[ -z "$(owned "$ALICE" 443 "$NAME")" ] || fail "the name is not blocked"
	settle
}

# The host's rules have the first word, and need to know of nothing on loopback.
stateful()
{
	local before

	needs_kbump
	nft_box <<-NFT
		table inet filter {
			chain input {
				type filter hook input priority 0; policy drop;
				ct state established,related accept
				meta l4proto ipv6-icmp accept
			}
			chain output {
				type filter hook output priority 0; policy drop;
				ct state established,related accept
				meta l4proto ipv6-icmp accept
				meta skuid $ALICE tcp dport 443 ct state new accept
				meta l4proto tcp reject with tcp reset
			}
		}
	NFT
	inspect_owner "$EVERYBODY"
	user_sees "$ALICE" "$BOX_CA"
	fetch "$ALICE" /large | cmp - "$DIR/www/large"
	settle
	before=$(stat steered)
	refused "$BOB" 443
	refused "$ALICE" 446
	[ "$(stat steered)" = "$before" ] || fail "steered: $before, $(stat steered)"
	in_ns "$BOX" nft flush ruleset
}

# seen PATH: the address from which nginx got the request.
seen()
{
	awk -v p="$1" '$5 == p { print $1 }' "$DIR/nginx/access.log"
}

addresses()
{
	needs_kbump
	inspect_owner "$ALICE"
	ip -n "$BOX" addr add "$SECOND/32" dev lo
	fetch "$ALICE" /hello.txt?second --interface "$SECOND"
	nft_box <<-NFT
		table ip nat {
			chain post {
				type nat hook postrouting priority srcnat;
				oifname s0 masquerade
			}
		}
	NFT
	fetch "$ALICE" /hello.txt?masqueraded --interface "$SECOND"
	fetch "$ALICE" /hello.txt?device --interface if!s0
	in_ns "$BOX" nft flush ruleset
	ip -n "$BOX" addr del "$SECOND/32" dev lo
	[ "$(seen /hello.txt?second)" = "$SECOND" ] || fail "from $(seen /hello.txt?second)"
	[ "$(seen /hello.txt?masqueraded)" = 10.2.0.1 ] || fail "from $(seen /hello.txt?masqueraded)"
	settle
}

redirected()
{
	needs_kbump
	inspect_owner "$ALICE"
	ip -n "$BOX" route add "$LATER" via "$SERVER4"
	nft_box <<-NFT
		table ip nat {
			chain out {
				type nat hook output priority -100;
				ip daddr $LATER tcp dport 443 dnat to $SERVER4
			}
		}
	NFT
	[ "$(owned "$ALICE" 443 "$NAME" "$LATER")" = "$BOX_CA" ] ||
		fail "issuer: $(owned "$ALICE" 443 "$NAME" "$LATER")"
	[ "$(owned "$BOB" 443 "$NAME" "$LATER")" = "$SERVER_CA" ] || fail "the other user"
	settle
	ip -n "$BOX" route del "$LATER"
	in_ns "$BOX" nft flush ruleset
}

without_helper()
{
	needs_kbump
	rule uid "$ALICE" dport 443 action inspect fail closed
	kbump rule add pref 6 uid "$ALICE" action inspect fail open
	reap kbumpd
	refused "$ALICE" 443
	[ "$(owned "$ALICE" 446 "$NAME")" = "$SERVER_CA" ] || fail "it does not fail open"
	start_kbumpd
	user_sees "$ALICE" "$BOX_CA"
	settle
}

# Without loopback there is no way between two sockets of the box.
loopback_down()
{
	needs_kbump
	rule uid "$ALICE" action inspect
	ip -n "$BOX" link set lo down
	kbump check >"$DIR/out" || true
	user_sees "$ALICE" "$SERVER_CA"
	ip -n "$BOX" link set lo up
	grep '^loopback: error' "$DIR/out" || fail "$(cat "$DIR/out")"
	kbump check >"$DIR/out"
	grep '^loopback' "$DIR/out" && fail "it is up"
	user_sees "$ALICE" "$BOX_CA"
	settle
}

explained()
{
	needs_kbump
	rule uid "$ALICE" dport 443 action inspect
	kbump explain dport 443 uid "$ALICE" | grep -F 'verdict: inspect by rule'
	kbump explain dport 443 uid "$BOB" >"$DIR/out"
	grep -E '^no \(uid\) .* uid 1000 ' "$DIR/out" || fail "$(cat "$DIR/out")"
	# The rule for all that passes.
	grep -E '^no \(uid\) .* pref 10 ' "$DIR/out" || fail "$(cat "$DIR/out")"
	grep 'left alone' "$DIR/out" || fail "$(cat "$DIR/out")"
	kbump explain dport 443 >"$DIR/out"
	grep -E '^no \(uid\) .* uid 1000 ' "$DIR/out" || fail "$(cat "$DIR/out")"
	grep -E '^yes .* pref 10 ' "$DIR/out" || fail "$(cat "$DIR/out")"
}

established()
{
	[ "$(flow_count "f['state'] == 'established'")" = "$1" ]
}

# hold NAME UID ADDRESS: a connection that stays, as that server waits for a command.
hold()
{
	spawn "$1" "$BOX" setpriv --reuid "$2" --clear-groups \
		openssl s_client -quiet -connect "$3:444" -servername "$NAME"
}

shown()
{
	needs_kbump
	inspect_owner "$ALICE"
	hold idle "$ALICE" "$SERVER4"
	wait_for "$WAIT" established 1
	kbump flow show | grep -F "uid $ALICE"
	[ "$(kbump -j flow show | value "[d[0]['uid'], 'iif' in d[0]]")" = "[$ALICE, false]" ] ||
		fail "$(kbump -j flow show)"
	kbump flow del to "$SERVER4"
	wait_end idle
	settle
}

removed()
{
	needs_kbump
	inspect_owner "$ALICE"
	hold idle4 "$ALICE" "$SERVER4"
	hold idle6 "$ALICE" "[$SERVER6]"
	wait_for "$WAIT" established 2
	timeout 120 rmmod kbump || fail "rmmod: status $?"
	wait_end idle4
	wait_end idle6
	user_sees "$ALICE" "$SERVER_CA"
}

# Other users cannot read what this test has made for itself.
share_ca()
{
	mkdir "$DIR/ca" && cp "$PKI/box-ca.crt" "$DIR/ca" && chmod 755 "$DIR" "$DIR/ca"
}

setup
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
head -c 3000000 /dev/urandom >"$DIR/www/large"
share_ca || bail_out "cannot show the certificate to all users"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_rule_case "rules by owner" by_owner
run_rule_case "the tool sees the clear text" clear_text
run_rule_case "large transfers" large
run_rule_case "rules that do not ask for the owner" by_other_rules
run_rule_case "kbumpd's own connections" never_its_own
run_rule_case "the box's own addresses" to_itself
run_rule_case "lists and ranges of users" ranges
run_rule_case "bad users" bad_owners
run_rule_case "all but one user" not_owner
run_rule_case "owner and server name" by_name_too
run_rule_case "private names" private_name
run_rule_case "block" blocked
run_rule_case "stateful ruleset" stateful
run_rule_case "source addresses and masquerade" addresses
run_rule_case "destination NAT" redirected
run_rule_case "without a helper" without_helper
run_rule_case "without loopback" loopback_down
run_rule_case "explained" explained
run_rule_case "flows of local clients" shown
run_case "removal with such flows" removed
[ "$failures" -eq 0 ] || dump_logs
echo "1..$cases"
exit $((failures != 0))
