# shellcheck shell=bash
# Certificates, configuration and processes of the nodes.

# How long a node may take until it answers, and the cluster until it has a leader, in tenths of a second.
readonly READY_LIMIT=300
readonly LEADER_LIMIT=300
readonly ALL_NODES=(a b c d e f g h i)
readonly CLUSTER=dev
# Certificates are valid for 90 days and renewed at a start after this many.
readonly CERTIFICATE_AGE=60

# node_names COUNT: the nodes that exist already, and so many in any case.
node_names() {
    local name index=0
    for name in "${ALL_NODES[@]}"; do
        if ((index++ < $1)) || [[ -e $RUN/nodes/$name/node.yaml ]]; then echo "$name"; fi
    done
}

node_region() {
    case $1 in
        b | e | h) echo eu-central ;;
        *) echo eu-west ;;
    esac
}

node_dsn() { printf 'host=127.0.0.1 port=%s dbname=muster user=muster_node' "$PG_PORT"; }

# Schema, certificate authority and the first token. Changes nothing that exists.
initialize_cluster() {
    PGPASSWORD=$(secret muster_node) "$BIN/muster" cluster init --name "$CLUSTER" --postgres "$(node_dsn)" --out "$RUN/ca" \
        </dev/null >"$RUN/init.log" 2>&1 9>&- || {
        show_end_of "$RUN/init.log"
        fail "muster cluster init failed"
    }
    [[ -s $RUN/ca/admin.token ]] ||
        fail "the cluster has an administrator's token already, but $RUN/ca/admin.token is gone" \
            "Put it back, or throw the cluster away: cluster/down --purge"
    ln -sfn ca/admin.token "$RUN/admin.token"
}

issue_certificates() {
    local directory=$RUN/nodes/$1
    if [[ -s $directory/node.pem && -s $directory/api.pem && -z $(find "$directory/api.pem" -mtime "+$CERTIFICATE_AGE") ]]; then return 0; fi
    "$BIN/muster" ca issue --cluster "$CLUSTER" --ca "$RUN/ca" --node "$1" --hosts 127.0.0.1,localhost --out "$directory" \
        </dev/null >"$directory/issue.log" 2>&1 9>&- || {
        show_end_of "$directory/issue.log"
        fail "muster ca issue failed for node $1"
    }
}

# configure_node NAME HTTP-PORT PEER-PORT [SUPERVISOR-PORT]
configure_node() {
    local supervisor=''
    if [[ -n ${4:-} ]]; then supervisor="supervisor: { listen: \"127.0.0.1:$4\" }"; fi
    write_file "$RUN/nodes/$1/node.yaml" 644 <<EOF
# Written by cluster/up before each start of the node.
cluster: $CLUSTER
node: { name: $1, region: $(node_region "$1") }
postgres:
  dsn: "$(node_dsn)"
  password: { file: "$RUN/secrets/muster_node" }
peers:
  listen: "127.0.0.1:$3"
  advertise: "127.0.0.1:$3"
  certificate: "$RUN/nodes/$1/node.pem"
  key: "$RUN/nodes/$1/node.key"
  authority: "$RUN/ca/ca.pem"
http:
  listen: "127.0.0.1:$2"
  advertise: "https://127.0.0.1:$2"
  certificate: "$RUN/nodes/$1/api.pem"
  key: "$RUN/nodes/$1/api.key"
drivers: { exec: { directory: "$RUN/exec.d" } }
data: "$RUN/nodes/$1/data"
$supervisor
EOF
}

node_url() { printf 'https://127.0.0.1:%s' "$(known_port "$1.http")"; }

# Whether node $1 has a supervisor since its last start.
is_supervised() { grep -qs '^supervisor:' "$RUN/nodes/$1/node.yaml"; }

# start_node NAME SUPERVISED: starts the node unless it runs.
start_node() {
    local directory=$RUN/nodes/$1 pid http peer supervisor=''
    mkdir -p "$directory/data"
    if pid=$(process_of "$directory/pid"); then
        if [[ $(readlink "/proc/$pid/exe") == *'(deleted)' ]]; then
            say "  node $1 still runs an older build: cluster/down and cluster/up bring the new one"
        fi
        if "$2" && ! is_supervised "$1"; then
            say "  node $1 runs without a supervisor: cluster/down and cluster/up --supervised give it one"
        fi
        return 0
    fi
    choose_port "$1.http"
    http=$PORT
    choose_port "$1.peer"
    peer=$PORT
    if "$2"; then
        choose_port "$1.supervisor"
        supervisor=$PORT
    fi
    issue_certificates "$1"
    configure_node "$1" "$http" "$peer" "$supervisor"
    step "starting node $1 on https://127.0.0.1:$http"
    start_detached "$directory/pid" "$directory/log" "$BIN/muster" node run --config "$directory/node.yaml"
}

# Whether the node says that it can do its work.
node_is_ready() {
    [[ $(curl -s -o /dev/null -m 2 --cacert "$RUN/ca/ca.pem" -w '%{http_code}' "$(node_url "$1")/readyz" 9>&-) == 200 ]]
}

wait_for_node() {
    local left=$READY_LIMIT
    until node_is_ready "$1"; do
        process_of "$RUN/nodes/$1/pid" >/dev/null || {
            show_end_of "$RUN/nodes/$1/log"
            fail "node $1 ended" "What runs stays; cluster/down ends it."
        }
        ((left-- > 0)) || {
            show_end_of "$RUN/nodes/$1/log"
            fail "node $1 was not ready within $((READY_LIMIT / 10)) s" "What runs stays; cluster/down ends it."
        }
        sleep 0.1
    done
}

# The command line against node $1, as an administrator.
muster_at() {
    local node=$1
    shift
    MUSTER_URL=$(node_url "$node") MUSTER_TOKEN=$(<"$RUN/admin.token") MUSTER_CA=$RUN/ca/ca.pem "$BIN/muster" "$@" </dev/null 9>&-
}

# The leader's name as node $1 knows it; nothing while there is none.
leader_name() {
    muster_at "$1" status --output json 2>/dev/null | tr -d ' \n' |
        sed -n -E 's/.*"leader":\{([^{}]*)\}.*/\1/p' | sed -n -E 's/(^|.*,)"node":"([^"]+)".*/\2/p'
}

# Sets LEADER.
wait_for_leader() {
    local left=$LEADER_LIMIT
    LEADER=$(leader_name "$1")
    while [[ -z $LEADER ]]; do
        ((left > 0)) || {
            show_end_of "$RUN/nodes/$1/log"
            fail "no node became the leader within $((LEADER_LIMIT / 10)) s" "muster doctor --config $RUN/nodes/$1/node.yaml may say why."
        }
        left=$((left - 5))
        sleep 0.5
        LEADER=$(leader_name "$1")
    done
}

stop_nodes() {
    local files=("$RUN"/nodes/*/pid)
    if [[ -e ${files[0]} ]]; then stop_processes "the nodes" "${files[@]}"; fi
}

# A cluster starts disabled. Enabled once: who disabled it later meant it.
enable_cluster() {
    [[ ! -e $RUN/enabled ]] || return 0
    muster_at "$1" enable --reason "started by cluster/up" --yes >"$RUN/enable.log" 2>&1 || {
        show_end_of "$RUN/enable.log"
        fail "muster enable failed"
    }
    : >"$RUN/enabled"
}
