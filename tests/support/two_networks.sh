# shellcheck shell=bash
# For cases with a server that only a target reaches, to be sourced first: what sources it runs in a
# network of its own (192.0.2.1), and "${there[@]}" runs a command in another (192.0.2.2). The link
# between them is `near` on our side.

if [ -z "${IN_NETWORK-}" ]; then
    unshare -n true 2>/dev/null || { echo "skip: networks may not be made here"; exit 77; }
    IN_NETWORK=1 exec unshare -n bash "$0"
fi
unshare -n sleep 300 &
other=$!
until [ "$(readlink "/proc/$other/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
there=(nsenter -n -t "$other")
ip link add near type veth peer name far netns "$other"
ip link set lo up
ip address add 192.0.2.1/24 dev near
ip link set near up
"${there[@]}" ip link set lo up
"${there[@]}" ip address add 192.0.2.2/24 dev far
"${there[@]}" ip link set far up
