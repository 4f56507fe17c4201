# shellcheck shell=bash
# Other systems of the kind, which cluster/bench --with-peers measures beside Muster. None of them is needed for anything else.

# Debian packages, of what is missing.
missing_peers() {
    command -v etcd >/dev/null || echo etcd-server
    command -v etcdctl >/dev/null || echo etcd-client
    # Patroni alone would pull any of its stores; this is the library that it needs to speak to etcd.
    command -v patroni >/dev/null || echo patroni python3-etcd
}

# Installs what can be installed, one package after the other. What cannot is said here and in the results, and stops nothing.
install_peers() {
    local package missing
    mapfile -t missing < <(missing_peers | tr ' ' '\n')
    for package in "${missing[@]}"; do
        # install_packages ends the script when it fails: in a shell of its own that is this package's affair only.
        (install_packages "$package") || say "  $package is not there: what needs it is skipped"
    done
}
