# shellcheck shell=bash
# What the machine must have, and getting it.

# Postgres server programs older than this lack what Muster uses.
readonly OLDEST_POSTGRES=14

# The newest directory with the server's programs, or the one of version $1. Debian keeps them out of PATH.
postgres_programs() {
    local wanted=${1:-} found='' found_version=0 folder version
    for folder in /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)")"; do
        [[ -x $folder/initdb && -x $folder/postgres && -x $folder/pg_ctl && -x $folder/psql ]] || continue
        version=$("$folder/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
        [[ -z $wanted || $wanted == "$version" ]] || continue
        if ((version >= OLDEST_POSTGRES && version > found_version)); then
            found=$folder found_version=$version
        fi
    done
    [[ -n $found ]] && printf '%s' "$found"
}

# Debian packages for running a cluster, of what is missing.
missing_to_run() {
    postgres_programs >/dev/null || echo postgresql
    command -v curl >/dev/null || echo curl
    command -v setpriv >/dev/null && command -v flock >/dev/null || echo util-linux
    # What cluster/up and the documentation tell people to try uses pkill.
    command -v pkill >/dev/null || echo procps
}

# Debian packages for building, of what is missing.
missing_to_build() {
    command -v pkg-config >/dev/null || echo pkg-config
    command -v git >/dev/null || echo git
    [[ -r /etc/ssl/certs/ca-certificates.crt ]] || echo ca-certificates
    [[ -r /usr/include/stdlib.h ]] || echo libc6-dev
    has_library libpq || echo libpq-dev
    has_library openssl || echo libssl-dev
    has_library zlib || echo zlib1g-dev
}

# Debian packages that only tests use, of what is missing.
missing_to_test() {
    command -v pgbouncer >/dev/null || [[ -x /usr/sbin/pgbouncer ]] || echo pgbouncer
    command -v openssl >/dev/null || echo openssl
    # Hosts of a test are network namespaces, and its server's clock is moved by a library made on the spot.
    command -v ip >/dev/null || echo iproute2
    # Schedules are compared with another cron's, and time zones with another reader's.
    /usr/bin/python3 -c 'import croniter, zoneinfo' 2>/dev/null || printf '%s\n' python3 python3-croniter
    [[ -r /usr/share/zoneinfo/Europe/Berlin ]] || echo tzdata
    command -v cc >/dev/null || printf '%s\n' gcc libc6-dev
}

# Without pkg-config nobody knows; then the development package is named too, which does no harm.
has_library() { command -v pkg-config >/dev/null && pkg-config --exists "$1"; }

# Installs the packages given as arguments, or says how to. Nothing to do without arguments.
install_packages() {
    [[ $# -gt 0 ]] || return 0
    local command="apt-get update && apt-get install -y --no-install-recommends $*"
    command -v apt-get >/dev/null || fail "missing here: $*" "Install what these Debian packages hold, and run this again."
    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null || { [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; }; then
            fail "missing here: $*" "Run this as root, then run ${0##*/} again:" "" "  $command"
        fi
        as_root=(sudo)
    fi
    step "installing $*"
    hold_services "${as_root[@]}"
    # In CI nobody answers questions; sudo hands no environment on, so env sets it.
    local quiet=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive)
    # One package source out of order need not matter.
    "${quiet[@]}" apt-get update -q -q </dev/null >&2 || say "  apt-get update failed; trying with what is known"
    if ! "${quiet[@]}" apt-get install -y -q -q --no-install-recommends "$@" </dev/null >&2; then
        release_services "${as_root[@]}"
        fail "apt-get could not install: $*" "See its messages above; without network or package sources, install them by hand."
    fi
    release_services "${as_root[@]}"
}

# Debian starts a server as soon as its package is there, and asks this file before. We start our own and want no other one.
readonly SERVICE_POLICY=/usr/sbin/policy-rc.d
services_held=false

hold_services() {
    [[ ! -e $SERVICE_POLICY ]] || return 0
    printf '#!/bin/sh\nexit 101\n' | "$@" tee "$SERVICE_POLICY" >/dev/null
    "$@" chmod 755 "$SERVICE_POLICY"
    services_held=true
}

release_services() {
    if "$services_held"; then "$@" rm -f "$SERVICE_POLICY"; fi
    services_held=false
}

# The toolchain is not a Debian package.
require_swift() {
    command -v swift >/dev/null ||
        fail "there is no Swift toolchain in PATH" "Install Swift 6.3 from https://www.swift.org/install/linux/ and run this again."
    local version
    version=$(swift --version 2>/dev/null | sed -n -E 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
    if [[ -n $version ]] && ((${version%.*} * 100 + ${version#*.} < 602)); then
        fail "Swift $version is too old: the package needs 6.2 or newer" "Install Swift 6.3 from https://www.swift.org/install/linux/."
    fi
}
