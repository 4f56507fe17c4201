# shellcheck shell=bash
# What became of the tests: from the test library's report, or, when it crashed and wrote none, from its lines.

# The last thing that the test library says when it came to its end.
run_is_complete() { grep -a -q -E '^(✔|✘|━) Test run with ' "$1"; }

# One <testcase> a test, with <failure>s or <skipped> in it or nothing. A test with several arguments is one.
count_in_report() {
    awk '
        function close_case() { if (open) count[kind]++; open = 0 }
        /<testcase / { close_case(); open = 1; kind = "passed"; if (/\/>[ \t\r]*$/) close_case() }
        open && /<failure/ { kind = "failed" }
        open && /<skipped/ { kind = "skipped" }
        /<\/testcase>/ { close_case() }
        END { close_case(); print count["passed"] + 0, count["failed"] + 0, count["skipped"] + 0 }
    ' "$1"
}

# ✔ Test "name" passed after …   ━ Test name() passed after … with 1 known issue.   ✘ Test … failed after …   ➜ Test … skipped
count_in_log() {
    awk '
        /^(✔|━) Test / && !/^(✔|━) Test (run with|case passing) / && / passed after / { passed++ }
        /^✘ Test / && !/^✘ Test (run with|case passing) / && / failed after / { failed++ }
        /^➜ Test / && / skipped/ { skipped++ }
        END { print passed + 0, failed + 0, skipped + 0 }
    ' "$1"
}

# ➜ Test "name" skipped: "reason"   as   name: reason
skipped_tests() {
    sed -n -E -e 's/^➜ Test "?(.*[^"])"? skipped: "(.*)"$/    \1: \2/p' -e 's/^➜ Test "?(.*[^"])"? skipped\.?$/    \1/p' "$1" | sort -u
}

# What failed and why, from the test library's lines: each issue with the first lines of what it tells. At most FAILURE_LINES lines of FAILURE_WIDTH
# characters: it is shown last, where whoever has only the end of a long output still sees it.
readonly FAILURE_LINES=40 FAILURE_DETAIL=6 FAILURE_WIDTH=300
failures() {
    awk -v most="$FAILURE_LINES" -v detail="$FAILURE_DETAIL" -v width="$FAILURE_WIDTH" '
        /^(✔|✘|━|➜|◇) / { left = 0 }
        /^✘ Test / && !/^✘ Test run with / && / recorded an issue / { left = detail + 1 }
        left > 0 && shown < most { print "    " substr($0, 1, width); shown++; left-- }
    ' "$1"
}

# The tests that started and did not end.
unfinished_tests() {
    awk '
        /^◇ Test / && / started\.$/ && !/^◇ Test (run|case) / {
            name = $0; sub(/^◇ Test /, "", name); sub(/ started\.$/, "", name); running[name] = 1
        }
        /^(✔|✘|━) Test / && / (passed|failed) after / {
            name = $0; sub(/^(✔|✘|━) Test /, "", name); sub(/( with [0-9]+ test cases?)? (passed|failed) after .*$/, "", name)
            delete running[name]
        }
        END { for (name in running) print "    " name }
    ' "$1" | sort
}
