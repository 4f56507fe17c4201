# shellcheck shell=bash
# The sample workload: a job table, a feeder, workers in two regions, and the manifests by which Muster scales them.

readonly SAMPLE_REGIONS=(eu-west eu-central)
# The longest that one change of the number of workers takes, in seconds.
readonly SCALE_LIMIT=15

sample_dsn() { printf 'host=127.0.0.1 port=%s dbname=sample user=sample' "$PG_PORT"; }

prepare_sample_database() {
    local name
    for name in sample sample_read; do
        new_secret "$name"
        make_role "$name"
    done
    make_database sample sample
    # A lost job of a sample is no loss, and its many small commits should not keep the disk from Muster's own.
    sql sample <<'EOF'
alter role sample set synchronous_commit = off;
alter role sample_read set default_transaction_read_only = on;
grant connect on database sample to sample_read;
grant usage on schema public to sample_read;
grant create on schema public to sample;
EOF
    "$BIN/muster-sample" schema --database "$(sample_dsn)" --password-file "$RUN/secrets/sample" --reader sample_read </dev/null 9>&- ||
        fail "the sample's tables could not be created"
}

# The programs that the exec driver runs. A region comes from a manifest: it must not lead out of the directory.
write_programs() {
    local database name arguments
    database="--database $(quoted "$(sample_dsn)") --password-file $(quoted "$RUN/secrets/sample")"
    mkdir -p "$RUN/exec.d" "$RUN/sample"
    for name in replicas scale; do
        arguments="$name --directory $(quoted "$RUN/sample")/\"\$1\""
        # shellcheck disable=SC2016  # The variable is the order's, when the program runs.
        if [[ $name == scale ]]; then arguments+=" --region \"\$1\" $database --to \"\$REPLICAS\""; fi
        write_file "$RUN/exec.d/$name" 755 <<EOF
#!/bin/sh
# Written by cluster/up: the sample workload's workers of the region \$1.
case \${1-} in
    '' | *[!a-z0-9-]*) echo "$name: \${1-} is not a region's name" >&2; exit 64 ;;
esac
exec $(quoted "$BIN/muster-sample") $arguments
EOF
    done
}

# The workload begins with one worker in each region: Muster scales what runs.
start_first_workers() {
    local region
    for region in "${SAMPLE_REGIONS[@]}"; do
        if [[ $("$RUN/exec.d/replicas" "$region" 9>&-) == *'"replicas": 0'* ]]; then
            REPLICAS=1 "$RUN/exec.d/scale" "$region" </dev/null >/dev/null 9>&- || fail "no worker started in $region" "See $RUN/sample/$region/workers"
        fi
    done
}

# Applied when they are new or were changed, so that a second cluster/up does not undo what was applied since.
apply_manifests() {
    local node=$1 file new old=''
    mkdir -p "$RUN/manifests"
    for file in "$ROOT"/cluster/sample/*.yaml; do
        sed -e "s|@PORT@|$PG_PORT|g" -e "s|@SECRETS@|${RUN//&/\\&}/secrets|g" "$file" | write_file "$RUN/manifests/${file##*/}" 644
    done
    new=$(cat "$RUN"/manifests/*.yaml | sha256sum)
    if [[ -r $RUN/applied ]]; then old=$(<"$RUN/applied"); fi
    [[ $new != "$old" ]] || return 0
    step "applying the sample's manifests"
    muster_at "$node" apply -f "$RUN/manifests" >"$RUN/apply.log" 2>&1 || {
        show_end_of "$RUN/apply.log" 40
        fail "muster apply failed for $RUN/manifests"
    }
    printf '%s\n' "$new" >"$RUN/applied"
}

start_feeder() {
    if process_of "$RUN/sample/feeder.pid" >/dev/null; then return 0; fi
    step "starting the sample's load: a day takes two minutes"
    start_detached "$RUN/sample/feeder.pid" "$RUN/sample/feeder.log" \
        "$BIN/muster-sample" feeder --database "$(sample_dsn)" --password-file "$RUN/secrets/sample"
}

stop_feeder() {
    if [[ -e $RUN/sample/feeder.pid ]]; then stop_processes "the sample's load" "$RUN/sample/feeder.pid"; fi
}

# Without the program too, which may have been cleaned away: each worker's pid file says which process it is.
stop_workers() {
    local lock files
    for lock in "$RUN"/sample/*/lock; do
        # A change that is still going on would start workers behind our back. It ends within seconds; the nodes are gone, so no other follows.
        if [[ -e $lock ]]; then flock -w "$SCALE_LIMIT" "$lock" true 9>&- || say "  a change of the number of workers hangs; see $lock"; fi
    done
    files=("$RUN"/sample/*/workers/*.pid)
    if [[ -e ${files[0]} ]]; then stop_processes "the sample's workers" "${files[@]}"; fi
    rm -f "$RUN"/sample/*/workers/*.ready
}
