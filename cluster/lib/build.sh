# shellcheck shell=bash
# Building the programs.

# A build in release with all dependencies takes this much, in MiB.
readonly BUILD_SPACE=4000

# build CONFIGURATION PRODUCT…; sets BIN.
build() {
    local configuration=$1 product
    shift
    require_space "$ROOT" "$BUILD_SPACE"
    step "building ${*} ($configuration); the first time takes some minutes"
    for product in "$@"; do
        # Swift reports progress line by line; it belongs to the messages, not to what a caller may read from us.
        swift build --package-path "$ROOT" -c "$configuration" --product "$product" </dev/null >&2 ||
            fail "$product did not build" "See the messages above."
    done
    BIN=$(swift build --package-path "$ROOT" -c "$configuration" --show-bin-path)
}

# require_space DIRECTORY MIB
require_space() {
    local free
    free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
    ((free >= $2)) || fail "only $free MiB are free where $1 is; $2 MiB are needed" "Free some space, or use another place."
}
