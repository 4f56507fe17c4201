# shellcheck shell=bash
# The cluster's directory, what is remembered in it, and free ports.
#
#   postgres/          data, log; may be a link to where the server's account can reach it
#   ca/                ca.pem, ca.key
#   nodes/NAME/        node.yaml, pid, log, certificates, data
#   secrets/           generated passwords
#   exec.d/            the programs that nodes may run
#   manifests/         what was applied
#   sample/REGION/     worker processes
#   ports              name=port, one a line
#   admin.token, env

# Space for Postgres and logs, in MiB.
readonly RUN_SPACE=500
# Below the ports that the kernel gives to outgoing connections.
readonly FIRST_PORT=20000
readonly LAST_PORT=29999
readonly PORT_TRIES=200

# Makes RUN absolute and takes its lock, for which it waits $1 seconds.
open_directory() {
    mkdir -p "$RUN" 2>/dev/null || fail "can't create the directory $RUN" "Create it for this user, or name another one with --directory."
    RUN=$(cd "$RUN" && pwd -P)
    [[ -w $RUN ]] || fail "can't write to the directory $RUN" "Give this user ($(id -un)) the right, or name another one with --directory."
    [[ $RUN != *$'\n'* && $RUN != *\"* && $RUN != *\\* ]] || fail "the directory's name has a quote, backslash or line break: $RUN"
    exec 9>"$RUN/lock"
    flock -w "$1" 9 || fail "another cluster/up or cluster/down is at work in $RUN" "Wait for it to end."
}

# new_secret NAME: a password in secrets/NAME, made once.
new_secret() {
    local file=$RUN/secrets/$1
    if [[ ! -s $file ]]; then
        # Letters, digits, - and _ only: nothing to quote in SQL, YAML or a connection string.
        (umask 077 && mkdir -p "$RUN/secrets" && head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$file")
    fi
}

secret() { cat "$RUN/secrets/$1"; }

# write_file PATH MODE: standard input becomes the file, all at once and never readable for more than MODE says.
write_file() {
    (umask 077 && cat >"$1.new")
    chmod "$2" "$1.new"
    mv -f "$1.new" "$1"
}

known_port() {
    if [[ -r $RUN/ports ]]; then sed -n "s/^$1=//p" "$RUN/ports"; fi
}

# Whoever listens on any address of this machine answers on this one too.
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

port_is_taken_by_us() { [[ -r $RUN/ports ]] && grep -q "=$1\$" "$RUN/ports"; }

# choose_port NAME: sets PORT to the remembered one if nobody else has it now, else to another one, and remembers that.
choose_port() {
    local tries=0
    PORT=$(known_port "$1")
    if [[ -n $PORT ]] && port_is_free "$PORT"; then return 0; fi
    if [[ -n $PORT ]]; then say "  port $PORT is taken by somebody else meanwhile; choosing another one for $1"; fi
    while ((tries++ < PORT_TRIES)); do
        PORT=$((FIRST_PORT + SRANDOM % (LAST_PORT - FIRST_PORT + 1)))
        if port_is_taken_by_us "$PORT" || ! port_is_free "$PORT"; then continue; fi
        { [[ ! -r $RUN/ports ]] || grep -v "^$1=" "$RUN/ports" || true; echo "$1=$PORT"; } | write_file "$RUN/ports" 644
        return 0
    done
    fail "no free port found between $FIRST_PORT and $LAST_PORT on 127.0.0.1"
}
