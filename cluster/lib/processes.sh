# shellcheck shell=bash
# Processes by their pid files. A pid alone may belong to somebody else by now: ours have the cluster's directory in their command line.

# How long a process may take to end after SIGTERM, and after SIGKILL, in tenths of a second.
readonly STOP_LIMIT=100
readonly KILL_LIMIT=50

# process_of PIDFILE: prints the pid if that process lives and is ours.
process_of() {
    local pid='' rest
    [[ -r $1 ]] || return 1
    read -r pid rest <"$1" || [[ -n $pid ]] || return 1
    [[ $pid =~ ^[1-9][0-9]*$ ]] || return 1
    # The remains of an ended process have an empty command line.
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$RUN/" || return 1
    printf '%s' "$pid"
}

# wait_for_end TENTHS PIDFILE…: true when all have ended.
wait_for_end() {
    local left=$1 file running
    shift
    while ((left-- > 0)); do
        running=false
        for file in "$@"; do
            if process_of "$file" >/dev/null; then running=true; fi
        done
        "$running" || return 0
        sleep 0.1
    done
    return 1
}

# send SIGNAL PIDFILE…
send() {
    local signal=$1 file pid
    shift
    for file in "$@"; do
        if pid=$(process_of "$file"); then kill "-$signal" "$pid" 2>/dev/null || true; fi
    done
}

# stop_processes WHAT PIDFILE…: SIGTERM, then SIGKILL; removes the pid files.
stop_processes() {
    local what=$1 file running=0
    shift
    for file in "$@"; do
        if process_of "$file" >/dev/null; then running=$((running + 1)); fi
    done
    if ((running > 0)); then
        step "stopping $what"
        send TERM "$@"
        if ! wait_for_end "$STOP_LIMIT" "$@"; then
            say "  some did not stop within $((STOP_LIMIT / 10)) s and are killed"
            # A stopped (SIGSTOP) process takes SIGKILL all the same.
            send KILL "$@"
            wait_for_end "$KILL_LIMIT" "$@" || fail "$what can't be ended" "Their pids are in: $*"
        fi
    fi
    for file in "$@"; do rm -f "$file"; done
}

# start_detached PIDFILE LOG COMMAND…: a process that outlives this script and our terminal.
start_detached() {
    local pid_file=$1 log=$2
    shift 2
    # 9 is this script's lock, which would stay held for as long as the process lives.
    setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
    printf '%s\n' "$!" >"$pid_file"
}
