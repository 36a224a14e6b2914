#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The box as a firewall: what its FORWARD chains allow and refuse is the same before and after
# kbump is there, by nftables and by both kinds of iptables; so are the addresses at both ends.
# The ways of routing that firewalls use. What steer.sh has is not repeated.

. "$(dirname "$0")/lib.sh"

readonly LISTED=10.2.0.3 NATTED=10.9.9.9

# ---- one ruleset, written three times
#
# Ports of the server, for new connections of the client: 443 may be reached, 444 once at a time,
# 445 by source NAT, 446 is refused by a reset, the rest in silence. Answers of $LISTED are
# refused. Connections are marked.

rules_nft()
{
	nft_box <<-NFT
		table inet filter {
			set many { type ipv4_addr; flags dynamic; }
			chain input {
				type filter hook input priority 0; policy drop;
				ct state established,related accept
				iif lo accept
				meta l4proto ipv6-icmp accept
			}
			chain output {
				type filter hook output priority 0; policy drop;
				ct state established,related accept
				oif lo accept
				meta l4proto ipv6-icmp accept
			}
			chain forward {
				type filter hook forward priority 0; policy drop;
				ip saddr $LISTED counter drop comment "listed"
				ct state invalid counter drop
				ct state established,related accept
				meta l4proto ipv6-icmp accept
				iifname c0 tcp dport 444 ct state new add @many { ip saddr ct count over 1 } \
					reject with tcp reset
				iifname c0 oifname s0 tcp dport 443-445 ct state new ct mark set 7 accept
				iifname c0 tcp dport 446 reject with tcp reset
				ct state new counter comment "rest"
			}
		}
		table ip nat {
			chain pre {
				type nat hook prerouting priority dstnat;
				iifname c0 ip daddr $NATTED tcp dport 443 dnat to $SERVER4
			}
			chain post {
				type nat hook postrouting priority srcnat;
				oifname s0 tcp dport 445 snat to 10.2.0.1
			}
		}
	NFT
}

hits_nft()
{
	in_ns "$BOX" nft list chain inet filter forward |
		sed -n "s/.* packets \([0-9]*\) .*\"$1\".*/\1/p"
}

# iptables KIND [6] ARGUMENT...
iptables()
{
	local kind=$1 version=

	shift
	if [ "$1" = 6 ]; then
		version=6
		shift
	fi
	in_ns "$BOX" "ip${version}tables-$kind" -w "$@"
}

rules_of_family()
{
	local chain

	for chain in INPUT OUTPUT; do
		iptables "$@" -P "$chain" DROP
		iptables "$@" -A "$chain" -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	done
	iptables "$@" -A INPUT -i lo -j ACCEPT
	iptables "$@" -A OUTPUT -o lo -j ACCEPT
	iptables "$@" -P FORWARD DROP
	iptables "$@" -A FORWARD -m conntrack --ctstate INVALID -j DROP
	iptables "$@" -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
	iptables "$@" -A FORWARD -i c0 -p tcp --dport 444 -m connlimit --connlimit-above 1 \
		-j REJECT --reject-with tcp-reset
	iptables "$@" -A FORWARD -i c0 -o s0 -p tcp --dport 443:445 -j CONNMARK --set-mark 7
	iptables "$@" -A FORWARD -i c0 -o s0 -p tcp --dport 443:445 -j ACCEPT
	iptables "$@" -A FORWARD -i c0 -p tcp --dport 446 -j REJECT --reject-with tcp-reset
	iptables "$@" -A FORWARD -m comment --comment rest
}

rules_iptables()
{
	local chain

	rules_of_family "$1"
	rules_of_family "$1" 6
	for chain in INPUT OUTPUT FORWARD; do
		iptables "$1" 6 -A "$chain" -p ipv6-icmp -j ACCEPT
	done
	iptables "$1" -I FORWARD -s "$LISTED" -m comment --comment listed -j DROP
	iptables "$1" -t nat -A PREROUTING -i c0 -d "$NATTED" -p tcp --dport 443 \
		-j DNAT --to-destination "$SERVER4"
	iptables "$1" -t nat -A POSTROUTING -o s0 -p tcp --dport 445 -j SNAT --to-source 10.2.0.1
}

hits_iptables()
{
	iptables "$1" -nvxL FORWARD | awk -v comment="/* $2 */" 'index($0, comment) { print $1 }'
}

clear_iptables()
{
	local family chain

	for family in "" 6; do
		for chain in INPUT OUTPUT FORWARD; do
			# shellcheck disable=SC2086 # a word or none
			iptables "$1" $family -P "$chain" ACCEPT
		done
		# shellcheck disable=SC2086
		iptables "$1" $family -F
	done
	iptables "$1" -t nat -F
}

rules_legacy() { rules_iptables legacy; }
hits_legacy() { hits_iptables legacy "$1"; }
clear_legacy() { clear_iptables legacy; }
rules_xnft() { rules_iptables nft; }
hits_xnft() { hits_iptables nft "$1"; }
clear_xnft() { clear_iptables nft; clear_nft; }

# ---- what becomes of connections

in_access_log()
{
	grep -q -F "$1 " "$DIR/nginx/access.log"
}

# answered NAME ADDRESS PORT: whom the server saw; "own port" if it was the client's.
answered()
{
	local path="/hello.txt?$1-$RANDOM" port seen

	port=$(in_ns "$CLIENT" curl -k -sS --http1.1 --max-time "$WAIT" -o "$DIR/body" -w '%{local_port}' \
		"https://$2:$3$path") || { echo "$1 fails: $port"; return; }
	grep -q '^Hello' "$DIR/body" || fail "$1: not the server's page"
	wait_for "$WAIT" in_access_log "$path"
	seen=$(grep -F "$path " "$DIR/nginx/access.log" | awk '{ print $1, $8 }')
	echo "$1 answered, seen from ${seen% *}$([ "${seen#* }" != "$port" ] || echo ", own port")"
}

more_hits()
{
	[ "$("hits_$1" "$2")" -gt "$3" ]
}

# silent KIND NAME COMMENT ADDRESS PORT: until the rule has refused something, nothing comes.
silent()
{
	local kind=$1 before

	before=$("hits_$kind" "$3")
	spawn silent "$CLIENT" curl -k -sS "https://$4:$5/hello.txt"
	wait_for "$WAIT" more_hits "$kind" "$3" "$before"
	reap silent
	[ -s "$DIR/silent.log" ] && cat "$DIR/silent.log"
	echo "$2 refused in silence"
}

# refused NAME ADDRESS PORT
refused()
{
	peer_run --address "$2" --port "$3" connect | sed "s/^/$1 /; s/(.*//"
}

# The connection of the client, as connection tracking has it.
tracked()
{
	in_ns "$BOX" conntrack -L -p tcp --orig-src "$CLIENT4" --orig-port-dst 444 \
		--state ESTABLISHED "$@" 2>/dev/null |
		sed -E 's/^tcp +6 +[0-9]+ //; s/ use=.*//; s/(sport|dport)=[0-9]{5}/\1=C/g'
}

connections_at_once()
{
	rm -f "$DIR/go"
	CLIENT_CA=$DIR/any-ca.crt peer first --go "$DIR/go" echo
	wait_for "$WAIT" has_line "$DIR/first.log" half-way || fail "$(cat "$DIR/first.log")"
	tracked
	refused "the second at once" "$SERVER4" 444
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/first.log" 'end closed' || fail "$(cat "$DIR/first.log")"
}

# outcomes KIND: all of the above, as the ruleset has it.
outcomes()
{
	local kind=$1 steered

	answered allowed "$SERVER4" 443
	answered allowed6 "[$SERVER6]" 443
	answered source-nat "$SERVER4" 445
	answered destination-nat "$NATTED" 443 | sed 's/, own port//'
	connections_at_once
	settle
	steered=$(stat steered)
	refused rejected "$SERVER4" 446
	refused rejected6 "$SERVER6" 446
	silent "$kind" other rest "$SERVER4" 449
	[ "$(stat steered)" = "$steered" ] || fail "steered in spite of the ruleset"
	silent "$kind" listed listed "$LISTED" 443
	settle
}

saw_in_clear()
{
	mkdir -p "$DIR/streams"
	mirror_clean -w "$DIR/streams" >"$DIR/out" || fail "$(cat "$DIR/out")"
	grep -q -a "$1" "$DIR"/streams/*.c2s || fail "the tool did not see $1: $(cat "$DIR/out")"
	rm -rf "$DIR/streams"
}

# before KIND: the ruleset alone.
before()
{
	needs_kbump
	"rules_$1"
	kbump rule flush
	outcomes "$1" | tee "$DIR/before"
	[ "$(grep -c answered "$DIR/before")" = 4 ] || fail "the ruleset is not as it should be"
	grep -q 'mark=7' "$DIR/before" || fail "no connection mark"
}

# after KIND: the same with kbump.
after()
{
	local kind=$1 name

	needs_kbump
	kbump rule add dport 443-449 action inspect tool ids
	capture_start
	outcomes "$kind" | tee "$DIR/after"
	capture_stop
	diff "$DIR/before" "$DIR/after" || fail "kbump makes a difference"
	for name in allowed allowed6 source-nat destination-nat; do
		saw_in_clear "GET /hello.txt?$name-"
	done
	"clear_$kind"
}

# The host's word comes first, then a rule that blocks.
blocked_behind_forward()
{
	local before

	needs_kbump
	rules_nft
	before=$(stat blocked)
	kbump rule add pref 1 dport 443-449 action block
	refused blocked "$SERVER4" 443
	refused blocked6 "$SERVER6" 443
	[ "$(stat blocked)" = $((before + 2)) ] || fail "$(kbump stat show)"
	silent nft other rest "$SERVER4" 449
	[ "$(stat blocked)" = $((before + 2)) ] || fail "what FORWARD refuses came to the rules"
	kbump rule del pref 1
	clear_nft
}

example()
{
	local file=$TOP/Documentation/examples/firewall.nft

	needs_kbump
	sed -e 's/"lan0"/"c0"/; s/"wan0"/"s0"/' -e "s,192\.0\.2\.0/24,$LISTED," "$file" | nft_box
	kbump rule flush
	kbump rule add mark 0x10/0xf0 action inspect tool ids
	[ "$(issuer 443)" = "kbump test box CA" ] || fail "issuer: $(issuer 443)"
	[ "$(issuer 8443)" = "kbump test server CA" ] || fail "issuer: $(issuer 8443)"
	answered example "$SERVER4" 443 | grep 'seen from 10\.2\.0\.1' || fail "no masquerading"
	settle
	kbump rule flush
	kbump rule add dport 443-449 action inspect tool ids
	clear_nft
}

# The target KBUMP, by either kind of iptables: all are put to the rules, or those chosen.
target()
{
	local kind=$1
	local -x XTABLES_LIBDIR

	needs_kbump
	XTABLES_LIBDIR=$BUILD:$(make -s --no-print-directory -C "$TOP/iptables" dir)
	iptables "$kind" -t mangle -A PREROUTING -p tcp --dport 443 -j KBUMP --bypass
	[ "$(issuer 443)" = "kbump test server CA" ] || fail "--bypass: $(issuer 443)"
	[ "$(issuer 446)" = "kbump test box CA" ] || fail "nobody chooses: $(issuer 446)"
	iptables "$kind" -t mangle -A FORWARD -p tcp --dport 443 -j KBUMP
	[ "$(issuer 443)" = "kbump test box CA" ] || fail "chosen last: $(issuer 443)"
	[ "$(issuer 446)" = "kbump test server CA" ] || fail "not chosen: $(issuer 446)"
	kbump rule add rule-set guests action inspect
	iptables "$kind" -t mangle -A FORWARD -p tcp --dport 445:446 -j KBUMP --rule-set guests
	iptables "$kind" -t mangle -A FORWARD -p tcp --dport 445 -j KBUMP --rule-set others
	[ "$(issuer 443)" = "kbump test box CA" ] || fail "in no rule set: $(issuer 443)"
	[ "$(issuer 445)" = "kbump test server CA" ] || fail "another rule set: $(issuer 445)"
	[ "$(issuer 446)" = "kbump test box CA" ] || fail "its rule set: $(issuer 446)"
	kbump -j -s rule show | value '[r["hits"] for r in d if r.get("rule_set") == "guests"]' |
		grep -xF '[1]' || fail "$(kbump -s rule show)"
	! iptables "$kind" -t mangle -A FORWARD -j KBUMP --rule-set 'a b' || fail "a name with a blank"
	! iptables "$kind" -t mangle -A FORWARD -j KBUMP --bypass --rule-set a || fail "both options"
	in_ns "$BOX" "iptables-$kind-save" -t mangle >"$DIR/saved"
	grep -- '-A FORWARD .*-j KBUMP --rule-set guests$' "$DIR/saved" || fail "$(cat "$DIR/saved")"
	grep -- '-A PREROUTING .*-j KBUMP --bypass$' "$DIR/saved" || fail "$(cat "$DIR/saved")"
	grep -- '-A FORWARD .*-j KBUMP$' "$DIR/saved" || fail "$(cat "$DIR/saved")"
	! iptables "$kind" -t mangle -A POSTROUTING -j KBUMP || fail "taken in POSTROUTING"
	! rmmod kbump || fail "removed under a rule"
	iptables "$kind" -t mangle -F
	[ "$(issuer 446)" = "kbump test box CA" ] || fail "without the target: $(issuer 446)"
	kbump rule del handle "$(kbump -j rule show |
		value '[r["handle"] for r in d if r.get("rule_set")][0]')"
	settle
	clear_nft
}

# ---- routing

inspected()
{
	[ "$(issuer 443)" = "kbump test box CA" ] || fail "issuer: $(issuer 443)"
	answered "$1" "$SERVER4" 443 | grep answered || fail "no answer"
	settle
}

untouched()
{
	local before

	before=$(stat steered)
	[ "$(issuer 443)" = "kbump test server CA" ] || fail "issuer: $(issuer 443)"
	[ "$(stat steered)" = "$before" ] || fail "steered"
}

sent_by()
{
	in_ns "$BOX" nft list chain inet count post |
		sed -n "s/.*oifname \"$1\".* packets \([0-9]*\) .*/\1/p"
}

# A second uplink, which routing rules choose by mark: the server leg takes it as well.
policy_routing()
{
	needs_kbump
	ip -n "$BOX" link add s1 type veth peer name eth1 netns "$SERVER"
	ip -n "$BOX" addr add 10.3.0.1/24 dev s1
	ip -n "$BOX" link set s1 up
	ip -n "$SERVER" addr add 10.3.0.2/24 dev eth1
	ip -n "$SERVER" link set eth1 up
	ip -n "$BOX" route add default via 10.3.0.2 table 100
	ip -n "$BOX" rule add fwmark 0x64 lookup 100 pref 100
	nft_box <<-NFT
		table inet count {
			chain pre {
				type filter hook prerouting priority mangle;
				iifname c0 tcp dport 443 meta mark set 0x64
			}
			chain post {
				type filter hook postrouting priority 0;
				oifname "s0" tcp dport 443 counter
				oifname "s1" tcp dport 443 counter
			}
		}
	NFT
	inspected policy-routing
	in_ns "$BOX" nft list ruleset
	[ "$(sent_by s0)" = 0 ] || fail "the server leg went by the wrong uplink"
	[ "$(sent_by s1)" -gt 0 ] || fail "nothing went by the right uplink"
	ip -n "$BOX" rule del pref 100
	ip -n "$BOX" link del s1
	clear_nft
}

# Both sides in a zone of their own, where the addresses are changed and changed back.
zones()
{
	needs_kbump
	nft_box <<-NFT
		table inet zones {
			chain pre {
				type filter hook prerouting priority raw;
				iifname { c0, s0 } ct zone set 5
			}
			chain mangle {
				type filter hook prerouting priority mangle;
				ct state invalid counter drop
			}
			chain post {
				type nat hook postrouting priority srcnat;
				oifname s0 masquerade
			}
		}
	NFT
	inspected zones
	rm -f "$DIR/go"
	CLIENT_CA=$DIR/any-ca.crt peer first --go "$DIR/go" echo
	wait_for "$WAIT" has_line "$DIR/first.log" half-way || fail "$(cat "$DIR/first.log")"
	tracked -w 5 | grep 'dst=10\.2\.0\.1 .*zone=5' || fail "not in zone 5: $(tracked)"
	[ "$(tracked | wc -l)" = 1 ] || fail "$(tracked)"
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/first.log" 'end closed' || fail "$(cat "$DIR/first.log")"
	settle
	clear_nft
}

offloaded()
{
	in_ns "$BOX" conntrack -L -p tcp 2>/dev/null | grep -q "dport=$1 .*OFFLOAD"
}

# What is left alone may take the short way; what is opened has nothing that could.
flowtable()
{
	needs_kbump
	nft_box <<-NFT
		table inet fast {
			flowtable f { hook ingress priority 0; devices = { c0, s0 }; }
			chain forward {
				type filter hook forward priority 0;
				meta l4proto tcp flow add @f
			}
		}
	NFT
	inspected flowtable
	kbump rule add pref 1 dport 444 action bypass
	rm -f "$DIR/go"
	CLIENT_CA=$DIR/any-ca.crt peer first --go "$DIR/go" echo
	wait_for "$WAIT" has_line "$DIR/first.log" half-way || fail "$(cat "$DIR/first.log")"
	wait_for "$WAIT" offloaded 444
	! offloaded 443 || fail "an opened connection takes the short way"
	kbump rule del pref 1
	inspected flowtable-again
	: >"$DIR/go"
	wait_for "$WAIT" has_line "$DIR/first.log" 'end closed' || fail "$(cat "$DIR/first.log")"
	clear_nft
}

# Each packet comes back from a process, and the hooks behind run there.
queued()
{
	needs_kbump
	nft_box <<-NFT
		table inet ips {
			chain forward {
				type filter hook forward priority 0;
				meta l4proto tcp counter queue to 3
			}
		}
	NFT
	spawn queue "$BOX" /usr/bin/python3 -IS "$SELFTESTS/queue.py" 3
	wait_for "$WAIT" has_line "$DIR/queue.log" ready || fail "$(cat "$DIR/queue.log")"
	inspected queued
	kbump rule add pref 1 dport 443 action block
	refused queued "$SERVER4" 443 | tee "$DIR/out"
	grep ConnectionRefusedError "$DIR/out"
	kbump rule del pref 1
	reap queue
	clear_nft
}

# The hooks see frames on a bridge, but not on their way up from it.
bridge_filter()
{
	needs_kbump
	modprobe br_netfilter
	ip -n "$BOX" link add br0 type bridge
	ip -n "$BOX" link set br0 up
	ip -n "$BOX" addr del 10.1.0.1/24 dev c0
	ip -n "$BOX" addr add 10.1.0.1/24 dev br0
	ip -n "$BOX" link set c0 master br0
	in_ns "$BOX" sysctl -w net.bridge.bridge-nf-call-iptables=1
	wait_for "$WAIT" reachable "$SERVER4"
	untouched
	in_ns "$BOX" sysctl -w net.bridge.bridge-nf-call-iptables=0
	inspected bridge
	ip -n "$BOX" link del br0
	ip -n "$BOX" addr add 10.1.0.1/24 dev c0
	wait_for "$WAIT" reachable "$SERVER4"
}

setup
ip -n "$SERVER" addr add "$LISTED/24" dev eth0
cat "$PKI/server-ca.crt" "$PKI/box-ca.crt" >"$DIR/any-ca.crt"
start_nginx || bail_out "nginx does not start"
start_peer || bail_out "the python server does not start"
start_kbumpd || bail_out "kbumpd does not start"
inspect_all || bail_out "cannot add the rule"
run_case "nftables alone" before nft
run_case "nftables and kbump: the same flows" after nft
run_case "iptables alone" before legacy
run_case "iptables and kbump: the same flows" after legacy
run_case "iptables by nftables alone" before xnft
run_case "iptables by nftables and kbump: the same flows" after xnft
run_case "a rule that blocks stands behind FORWARD" blocked_behind_forward
run_case "the example of a firewall" example
run_case "the target of iptables" target legacy
run_case "the target of iptables by nftables" target nft
run_case "packets that a process has looked at" queued
run_case "policy routing by mark, two uplinks" policy_routing
run_case "conntrack zones" zones
run_case "flowtables" flowtable
run_case "bridge-nf-call-iptables: left alone" bridge_filter
finish
