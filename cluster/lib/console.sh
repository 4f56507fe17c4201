# shellcheck shell=bash
# What the scripts say, and how they stop.

say() { printf '%s\n' "$*"; }

# One step that is being done now.
step() { printf '· %s\n' "$*"; }

# Says what happened and what to do next, and stops.
fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    shift
    local line
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# A wrong command line: exit 2, so that callers can tell it from a failure.
usage_error() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    printf '  See: %s --help\n' "$0" >&2
    exit 2
}

# The value of an option that needs one.
option_value() {
    [[ $# -ge 2 && -n $2 ]] || usage_error "$1 needs a value"
    printf '%s' "$2"
}

# The end of a log, set off, on standard error.
show_end_of() {
    [[ -s $1 ]] || return 0
    printf '  The end of %s:\n' "$1" >&2
    tail -n "${2:-15}" "$1" | sed 's/^/    /' >&2
}

# A word as the shell reads it back, for scripts that we write.
quoted() {
    printf "'%s'" "${1//\'/\'\\\'\'}"
}
