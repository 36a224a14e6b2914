#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Rules for UDP: a client that speaks QUIC is told at once that nobody is there, in the middle of
# its conversation as well; what else goes by UDP is not touched.

. "$(dirname "$0")/lib.sh"

readonly OPEN=8443

# gets WORD ADDRESS PORT [LINE]: what one datagram of a new socket gets.
gets()
{
	local out

	out=$(in_ns "$CLIENT" timeout "$WAIT" /usr/bin/python3 -IS "$SELFTESTS/udp.py" \
		client "$2" "$3" <<<"${4:-ask hello}" | tail -n 1)
	[ "${out%% *}" = "$1" ] || fail "$2 port $3: \"$out\", not $1"
}

# talk ADDRESS PORT: a conversation in the background.
talk()
{
	mkfifo "$DIR/talk.in"
	# shellcheck disable=SC2016 # for the inner shell
	spawn talk "$CLIENT" bash -c 'exec /usr/bin/python3 -IS "$0" client "${@:2}" <>"$1"' \
		"$SELFTESTS/udp.py" "$DIR/talk.in" "$@"
	wait_for "$WAIT" has_line "$DIR/talk.log" ready
}

# say_and_get LINE RESULT: in that conversation.
say_and_get()
{
	echo "$1" >"$DIR/talk.in"
	wait_for "$WAIT" has_line "$DIR/talk.log" "^$2" || fail "$(cat "$DIR/talk.log")"
}

talk_end()
{
	reap talk
	rm -f "$DIR/talk.in"
}

# hits PREF COUNT
hits()
{
	[ "$(kbump -j -s rule show | value "[r['hits'] for r in d if r['pref'] == $1][0]")" = "$2" ]
}

# refused TEXT WORD...: such a rule, and nothing is added.
refused()
{
	local text=$1 before

	shift
	before=$(kbump rule show)
	if kbump rule add "$@" >"$DIR/out" 2>&1; then
		fail "accepted: $*"
	fi
	grep -q -F -e "$text" "$DIR/out" || fail "$*: $(cat "$DIR/out")"
	[ "$(kbump rule show)" = "$before" ] || fail "$* was added"
}

# What is for TCP is for TCP alone.
untouched()
{
	needs_kbump
	gets answer "$SERVER4" 443
	rule dport 443 action block
	kbump rule add pref 6 proto tcp action block
	gets answer "$SERVER4" 443
	gets answer "$SERVER6" 443
	if fetch4 443 /hello.txt >"$DIR/out" 2>&1; then
		fail "TCP was not blocked"
	fi
}

unreachable()
{
	local before

	needs_kbump
	before=$(stat udp_blocked)
	rule proto udp dport 443 action block
	gets refused "$SERVER4" 443
	gets refused "$SERVER6" 443
	# In fragments.
	gets refused "$SERVER4" 443 "fill 4000"
	gets refused "$SERVER6" 443 "fill 4000"
	hits 5 4 || fail "$(kbump -s rule show)"
	[ "$(stat udp_blocked)" = $((before + 4)) ] || fail "$(kbump stat)"
	gets answer "$SERVER4" "$OPEN"
	gets answer "$SERVER6" "$OPEN" "fill 4000"
	fetch4 443 /hello.txt | grep "Hello from"
	settle
}

# cut_off ADDRESS: while it goes on already.
cut_off()
{
	needs_kbump
	talk "$1" 443
	say_and_get "ask a" "answer a"
	rule proto udp dport 443 action block
	say_and_get "ask b" "refused b"
	gets answer "$1" "$OPEN"
	say_and_get "ask c" "refused c"
	kbump rule del pref 5
	say_and_get "ask d" "answer d"
	talk_end
}

# The same where the host tracks connections.
# Where conversations are known, each is told of once.
told()
{
	needs_kbump
	track
	rule proto udp dport 443 action block
	spawn monitor "$BOX" "$BUILD/kbump" -j monitor decision
	wait_for "$WAIT" monitoring monitor
	gets refused "$SERVER4" 443
	wait_for "$WAIT" has_line "$DIR/monitor.log" '"proto":"udp".*"action":"block","rule":'
	reap monitor INT
	[ "$(wc -l <"$DIR/monitor.log")" = 1 ] || fail "$(cat "$DIR/monitor.log")"
	untrack
}

cut_off_tracked()
{
	needs_kbump
	track
	cut_off "$SERVER4"
	untrack
}

track()
{
	in_ns "$BOX" nft -f - <<-NFT
		table inet t {
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state established,related accept
				ip saddr $CLIENT4 accept
				ip6 saddr $CLIENT6 accept
				icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
			}
		}
	NFT
}

untrack()
{
	in_ns "$BOX" nft flush ruleset
}

# If a word had come, or the datagram had passed, the next would hear of it.
in_silence()
{
	needs_kbump
	rule proto udp dport 443 action block drop
	talk "$1" 443
	say_and_get "send a" "sent a"
	wait_for "$WAIT" hits 5 1
	say_and_get "send b" "sent b"
	wait_for "$WAIT" hits 5 2
	kbump rule del pref 5
	say_and_get "ask c" "answer c"
	talk_end
}

# The first that matches decides, wherever the rules for TCP are.
in_order()
{
	needs_kbump
	rule to "$SERVER4" action inspect
	kbump rule add pref 6 proto udp to "$SERVER4" dport 443 action bypass
	kbump rule add pref 7 proto udp dport 443 action block
	gets answer "$SERVER4" 443
	gets refused "$SERVER6" 443
	hits 6 1 || fail "$(kbump -s rule show)"
	hits 7 1 || fail "$(kbump -s rule show)"
	kbump rule move handle "$(kbump -j rule show | value "d[1]['handle']")" pref 8
	gets refused "$SERVER4" 443
	kbump rule del pref 8
}

by_what_is_known()
{
	needs_kbump
	rule proto udp from "$CLIENT4" sport 1024-65535 iif c0 vlan 0 mark 0 zone 0 ctmark 0 \
		not ctlabel 3 action block
	gets refused "$SERVER4" "$OPEN"
	gets answer "$SERVER6" "$OPEN"
	kbump rule del pref 5
	rule proto udp not iif c0 dport "$OPEN" action block
	gets answer "$SERVER4" "$OPEN"
}

by_set()
{
	needs_kbump
	kbump set add quic type port
	kbump set add servers type prefix
	rule proto udp to @servers dport @quic action block
	gets answer "$SERVER4" 443
	kbump set add-entry quic 443
	kbump set add-entry servers "$SERVER4"
	gets refused "$SERVER4" 443
	gets answer "$SERVER4" "$OPEN"
	gets answer "$SERVER6" 443
	kbump set add-entry servers fd02::/16
	gets refused "$SERVER6" 443
	kbump rule del pref 5
	kbump set del quic
	kbump set del servers
}

# Whose packets are answers, only the host's connection tracking can tell.
replies()
{
	needs_kbump
	rule proto udp from "$SERVER4" action block
	talk "$SERVER4" 443
	say_and_get "send a" "sent a"
	wait_for "$WAIT" hits 5 1
	talk_end
	track
	gets answer "$SERVER4" 443
	hits 5 1 || fail "$(kbump -s rule show)"
	untrack
}

# The client hears it from whom it has asked.
translated()
{
	needs_kbump
	in_ns "$BOX" nft -f - <<-NFT
		table ip t {
			chain in {
				type nat hook prerouting priority dstnat;
				ip daddr $BOX4 udp dport 4433 dnat to $SERVER4:443
			}
			chain out {
				type nat hook postrouting priority srcnat;
				oifname s0 masquerade
			}
		}
	NFT
	gets answer "$BOX4" 4433
	rule proto udp from "$CLIENT4" to "$SERVER4" dport 443 action block
	gets refused "$BOX4" 4433
	gets refused "$SERVER4" 443
	in_ns "$BOX" nft flush ruleset
}

explained()
{
	needs_kbump
	rule proto udp dport 443 action block drop comment quic
	kbump explain proto udp dport 443 | sed 's/ handle [0-9]*//; s/by rule .*/by it/' >"$DIR/out"
	diff - "$DIR/out" <<-END
		yes pref 5 proto udp dport 443 action block drop comment quic
		no (proto) pref 10 dport 443-449 action inspect tool ids fail open,upstream=closed,internal=closed learn off
		verdict: block by it
	END
	kbump explain proto udp from 10.1.0.2 | tail -n 1 | grep -x "verdict: depends on dport"
	kbump explain proto udp dport 80 | tail -n 1 | grep "left alone"
	kbump explain dport 443 | head -n 1 | grep -F "no (proto)"
	kbump explain proto tcp dport 443 | tail -n 1 | grep "verdict: inspect"
	kbump -j explain dport 443 | value "d['rules'][0]['why'] == ['proto'] and
		d['rules'][0]['proto'] == 'udp' and d['rules'][0]['block'] == 'drop' and
		'proto' not in d['rules'][1] and 'block' not in d['rules'][1]" | grep true
	if kbump explain proto udp sni "$NAME" >"$DIR/out" 2>&1; then
		fail "$(cat "$DIR/out")"
	fi
	grep -F "belongs to TCP alone" "$DIR/out"
}

saved()
{
	needs_kbump
	rule proto udp not from 10.9.0.0/16 dport 443,8443 action block drop comment a
	kbump rule add pref 6 proto udp dport 443 action block reset
	kbump rule add pref 7 proto tcp sni "$NAME" action block drop
	kbump rule show | grep -F "pref 5 proto udp not from 10.9.0.0/16 dport 443,8443 action block drop"
	kbump rule show | grep -x ".* pref 6 proto udp dport 443 action block"
	kbump rule show | grep -x ".* pref 7 sni $NAME action block drop"
	kbump save >"$DIR/saved"
	kbump rule flush
	kbump tool del ids
	kbump -f "$DIR/saved"
	kbump save | diff "$DIR/saved" -
}

misused()
{
	needs_kbump
	refused 'action "inspect": UDP cannot be inspected' proto udp action inspect
	refused "UDP cannot be inspected" proto udp action inspect tool ids
	refused "sni \"$NAME\": a rule for UDP cannot have this" proto udp sni "$NAME" action block
	refused "a rule for UDP cannot have this" proto udp alpn h3 action block
	refused "a rule for UDP cannot have this" proto udp tls 1.3 action block
	refused "a rule for UDP cannot have this" proto udp ech yes action block
	refused "a rule for UDP cannot have this" proto udp cert ok action block
	refused "a rule for UDP cannot have this" proto udp issuer CN=x action block
	refused "a rule for UDP cannot have this" proto udp action block fail closed
	refused "page: a rule for UDP cannot have this" proto udp action block page
	refused "only action block says how it refuses" proto udp action bypass drop
	refused 'block "drop": a client that is told nothing gets no page' action block drop page
	refused '"proto" cannot be negated' not proto udp action block
	refused '"icmp" is not a transport protocol' proto icmp action block
	refused '"block" given twice' action block drop reset
	refused 'unknown word "drop"' drop action block
	kbump set add names type domain
	refused "sni @names: a rule for UDP cannot have this" proto udp sni @names action block
	kbump set del names
}

# The target of iptables chooses packets, as it chooses connections.
chosen()
{
	local -x XTABLES_LIBDIR

	needs_kbump
	XTABLES_LIBDIR=$BUILD:$(make -s --no-print-directory -C "$TOP/iptables" dir)
	rule proto udp dport 443 action block
	in_ns "$BOX" iptables-nft -t mangle -A PREROUTING -p udp -j KBUMP --bypass
	gets answer "$SERVER4" 443
	in_ns "$BOX" iptables-nft -t mangle -A FORWARD -p udp --dport 443 -j KBUMP
	gets refused "$SERVER4" 443
	in_ns "$BOX" nft flush ruleset
}

start_udp()
{
	spawn udp "$SERVER" /usr/bin/python3 -IS "$SELFTESTS/udp.py" server 443 "$OPEN"
	wait_for "$WAIT" has_line "$DIR/udp.log" ready
}

setup
# The kernel would say it to one client a few times in a second and no more.
in_ns "$BOX" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
start_nginx || bail_out "nginx does not start"
start_udp || bail_out "the server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_rule_case "rules for TCP do not touch it" untouched
run_rule_case "port unreachable" unreachable
run_rule_case "answers are not asked about" replies
run_rule_case "in the middle of a conversation" cut_off "$SERVER4"
run_rule_case "the same, IPv6" cut_off "$SERVER6"
run_rule_case "the same, tracked" cut_off_tracked
run_rule_case "told of" told
run_rule_case "in silence" in_silence "$SERVER4"
run_rule_case "in silence, IPv6" in_silence "$SERVER6"
run_rule_case "the first that matches" in_order
run_rule_case "all that is known of a packet" by_what_is_known
run_rule_case "sets" by_set
run_rule_case "with NAT" translated
run_rule_case "explained" explained
run_rule_case "saved" saved
run_rule_case "what a rule for UDP cannot have" misused
run_rule_case "chosen by iptables" chosen
finish
