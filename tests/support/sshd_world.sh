# shellcheck shell=bash
# For cases that need a real OpenSSH server, to be sourced: `sshd_start` starts one on loopback,
# for whoever runs the case, and ends with it. Sets $ssh_port. Keys: .ssh/id_ed25519 is let in,
# .ssh/stranger is not; the host's key is in host_key.pub, and in no known_hosts. `sshd_start ADDRESS
# LAUNCHER…` starts one elsewhere.

sshd_start() {
    ssh_host=${1:-127.0.0.1}
    mkdir -p -m 700 .ssh
    ssh-keygen -q -t ed25519 -N '' -f host_key
    ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519
    ssh-keygen -q -t ed25519 -N '' -f .ssh/stranger
    cp .ssh/id_ed25519.pub authorized
    ssh_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >sshd_config <<END
ListenAddress $ssh_host
Port $ssh_port
HostKey $PWD/host_key
AuthorizedKeysFile $PWD/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile $PWD/sshd.pid
END
    [ "$(id -u)" -ne 0 ] || install -d -m 755 /run/sshd
    # Not before -D and -e: with them it stays a child of the case, and says what is wrong.
    "${@:2}" /usr/sbin/sshd -D -e -f sshd_config 2>sshd.log &
    sshd_pid=$!
    trap 'kill "$sshd_pid" 2>/dev/null; wait' EXIT
    until grep -qs 'Server listening' sshd.log; do
        kill -0 "$sshd_pid" || { cat sshd.log; exit 1; }
        sleep 0.05
    done
    ssh_offers "$PWD/.ssh/id_ed25519"
    export GIT_SSH_COMMAND="ssh -F $PWD/.ssh/config"
}

ssh_knows() {
    printf '[%s]:%s %s\n' "$ssh_host" "$ssh_port" "$(cut -d' ' -f1,2 "$1")" >.ssh/known_hosts
}

# OpenSSH looks for its files where the account lives, not where $HOME says.
ssh_offers() {
    printf 'Host *\n  UserKnownHostsFile %s\n  IdentityFile %s\n' \
        "$PWD/.ssh/known_hosts" "$1" >.ssh/config
}

# For runbooks: whose ssh would read the account's own configuration.
ssh_on_path() {
    mkdir -p bin
    printf '#!/bin/sh\nexec /usr/bin/ssh -F "%s" "$@"\n' "$PWD/.ssh/config" >bin/ssh
    chmod +x bin/ssh
    PATH=$PWD/bin:$PATH
    cat >>.ssh/config <<END
Host web
  HostName $ssh_host
  Port $ssh_port
  User $(id -un)
END
}

# How many connections the server has let in so far.
ssh_count() { grep -c 'Accepted publickey' sshd.log || true; }
