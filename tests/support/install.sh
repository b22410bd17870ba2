# shellcheck shell=bash
# Debian's packages, for the scripts that set a machine up; to be sourced.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "packages are missing, and there is no sudo to install them: run it as root" >&2
        return 1
    fi
}

# install_missing PACKAGE…: installs those that are not there, and says so.
install_missing() {
    local package missing=() log status=0
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    printf '== installing %s\n' "${missing[*]}"
    log=$(mktemp /tmp/runbook-install.XXXXXX) || return 1
    # sudo hands no environment over; a machine that has just started may hold the lock itself.
    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get -qq update &&
            apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
    ' sh "${missing[@]}" </dev/null >"$log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || tail -n 20 "$log" >&2
    rm -f "$log"
    return "$status"
}
