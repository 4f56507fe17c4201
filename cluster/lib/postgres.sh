# shellcheck shell=bash
# The cluster's own Postgres: the machine's programs, a directory and a port of its own. The machine's own server is left alone.

# How long the server may take to start (it may have to recover) and to stop, in seconds.
readonly POSTGRES_LIMIT=60

# Postgres refuses root. AS_POSTGRES is what puts a command under the account that Debian's package made.
prepare_postgres_account() {
    AS_POSTGRES=()
    ((EUID == 0)) || return 0
    id postgres >/dev/null 2>&1 ||
        fail "this is root, which Postgres refuses, and there is no account postgres to run it under" \
            "Create it (useradd --system postgres), or run cluster/up as another user."
    AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
}

# Runs one of the server's programs, in a directory that its account can enter.
postgres_program() {
    local name=$1
    shift
    (cd / && "${AS_POSTGRES[@]}" "$PG_PROGRAMS/$name" "$@" 9>&-)
}

# Where the server's directory really is. The server's account may be able to reach that place, and not the link to it.
postgres_home() { readlink -f "$RUN/postgres"; }

postgres_is_running() {
    [[ -d $RUN/postgres/data ]] && postgres_program pg_ctl status -D "$(postgres_home)/data" >/dev/null 2>&1
}

# Sets PG_PROGRAMS, for the version that made the data if there is data.
find_postgres_programs() {
    local version=''
    if [[ -r $RUN/postgres/data/PG_VERSION ]]; then
        version=$(<"$RUN/postgres/data/PG_VERSION")
    fi
    PG_PROGRAMS=$(postgres_programs "$version") ||
        fail "the data in $RUN/postgres is of Postgres $version, whose programs are not here" \
            "Install postgresql-$version, or throw the data away: cluster/down --purge"
}

# A directory for data and log that the server's account owns and can reach.
make_postgres_directory() {
    local place=$RUN/postgres
    [[ ! -e $place ]] || return 0
    if ((EUID != 0)); then
        mkdir -m 700 "$place"
        return 0
    fi
    if ! (cd / && "${AS_POSTGRES[@]}" test -x "$RUN"); then
        # A home directory, for instance, that only root may enter.
        place=/var/lib/muster-dev-$(printf '%s' "$RUN" | sha256sum | cut -c 1-12)
        [[ ! -e $place ]] || fail "$place holds the data of an earlier cluster, whose directory $RUN was removed" \
            "If nothing runs there any more, remove it: rm -rf $place"
        step "the account postgres can't reach $RUN: its data are in $place"
        ln -sfn "$place" "$RUN/postgres"
    fi
    mkdir -p "$place"
    chmod 700 "$place"
    chown postgres:postgres "$place"
}

initialize_postgres() {
    local data password
    data=$(postgres_home)/data
    password=$(postgres_home)/password
    [[ ! -e $data/PG_VERSION ]] || return 0
    step "creating a Postgres in $RUN/postgres"
    # What an interrupted attempt left has no PG_VERSION and is of no use.
    rm -rf "$data"
    (umask 077 && cp "$RUN/secrets/postgres" "$password")
    if ((EUID == 0)); then chown postgres "$password"; fi
    if ! postgres_program initdb -D "$data" -U postgres --auth=scram-sha-256 --pwfile="$password" -E UTF8 --no-locale \
        </dev/null >"$RUN/initdb.log" 2>&1; then
        rm -f "$password"
        show_end_of "$RUN/initdb.log"
        fail "initdb failed in $RUN/postgres"
    fi
    rm -f "$password"
    printf "include 'muster.conf'\n" >>"$data/postgresql.conf"
}

# Written before each start: the port may be another one.
configure_postgres() {
    write_file "$RUN/postgres/data/muster.conf" 644 <<EOF
# Written by cluster/up at each start.
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = ''    # the path of a socket may be too long for the system
max_connections = 200           # three nodes, and every worker has one
shared_buffers = 64MB
fsync = on                      # Muster elects no leader on a server that may forget
log_line_prefix = '%m [%p] %a '
cluster_name = 'muster-dev'
EOF
}

# A pid file of a process that is no Postgres (the machine was switched off, the pid is used again) would keep the server from starting.
remove_stale_postmaster() {
    local file=$RUN/postgres/data/postmaster.pid pid=''
    [[ -r $file ]] || return 0
    read -r pid <"$file" || true
    if [[ $(cat "/proc/$pid/comm" 2>/dev/null) != postgres ]]; then rm -f "$file"; fi
}

# Sets PG_PORT. True for PG_PORT_CHANGED when what knows the old port must start anew.
start_postgres() {
    local before
    PG_PORT_CHANGED=false
    before=$(known_port postgres)
    if postgres_is_running; then
        PG_PORT=$before
        return 0
    fi
    make_postgres_directory
    initialize_postgres
    choose_port postgres
    PG_PORT=$PORT
    if [[ -n $before && $before != "$PG_PORT" ]]; then PG_PORT_CHANGED=true; fi
    configure_postgres "$PG_PORT"
    remove_stale_postmaster
    step "starting Postgres on 127.0.0.1:$PG_PORT"
    if ! postgres_program pg_ctl start -D "$(postgres_home)/data" -l "$(postgres_home)/log" -w -t "$POSTGRES_LIMIT" -s </dev/null; then
        show_end_of "$RUN/postgres/log"
        fail "Postgres did not start" "If its data are damaged, throw them away: cluster/down --purge"
    fi
}

stop_postgres() {
    postgres_is_running || return 0
    step "stopping Postgres"
    postgres_program pg_ctl stop -D "$(postgres_home)/data" -m fast -w -t "$POSTGRES_LIMIT" -s </dev/null ||
        fail "Postgres did not stop within $POSTGRES_LIMIT s" "See $RUN/postgres/log"
}

# sql DATABASE: runs standard input as the superuser. The password travels in the environment, never on a command line.
sql() {
    PGPASSWORD=$(secret postgres) "$PG_PROGRAMS/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PG_PORT" -U postgres -d "$1" -f - >/dev/null 9>&- ||
        fail "Postgres refused a statement of cluster/up" \
            "If $RUN/secrets was changed by hand, throw the cluster away: cluster/down --purge"
}

# make_role NAME: one that may log in with the password in secrets/NAME.
make_role() {
    sql postgres <<EOF
select 'create role $1 login' where not exists (select from pg_roles where rolname = '$1') \gexec
alter role $1 password '$(secret "$1")';
EOF
}

# make_database NAME OWNER
make_database() {
    sql postgres <<EOF
select 'create database $1 owner $2' where not exists (select from pg_database where datname = '$1') \gexec
revoke all on database $1 from public;
EOF
}
