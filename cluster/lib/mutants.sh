# shellcheck shell=bash
# Mutants of Swift sources: where an operator, a bound or a truth value can be changed, one at a time.

# mutants FOLDER FILE…: one line for each site, in the order of the text, fields set apart by tabs: file, line, column, what stands there, what takes its
# place, the line, the line as it becomes, its number. Comments, strings and imports have none. A boundary moves by one step (< becomes <=): a test that
# finds that finds the opposite too.
mutants() {
    local folder=$1
    shift
    (cd "$folder" && LC_ALL=C awk "$MUTANTS" "$@")
}

# shellcheck disable=SC2016
readonly MUTANTS='
BEGIN {
    split("< <= > >= == != === !== + - * / % && || += -= ..< ... << >> | & ^ |= &- &+ &*", left, " ")
    split("<= < >= > != == !== === - + / * * || && -= += ... ..< >> << & | | &= &+ &- &+", right, " ")
    for (i in left) instead[left[i]] = right[i]
    instead["true"] = "false"; instead["false"] = "true"; instead["min"] = "max"; instead["max"] = "min"
    instead["up"] = "down"; instead["towardZero"] = "awayFromZero"
    operators = "[-+*/%<>=!&|.^~]"
}
FNR == 1 { depth = 0; open = 0; comment = 0 }
{
    text = masked($0)
    if (text ~ /^ *(public |internal |package )?import / || text ~ /^ *@/ || text ~ /func [^a-zA-Z_ (]/) next
    for (at = 1; at <= length(text); ) {
        letter = substr(text, at, 1); before = at > 1 ? substr(text, at - 1, 1) : " "
        if (letter ~ operators) at = operator(at, before)
        else if (letter ~ /[A-Za-z_$]/) at = word(at, before)
        else if (letter ~ /[0-9]/) at = literal(at, before)
        else at++
    }
}

function site(at, from, to) {
    printf "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%d\n", FILENAME, FNR, at, from, to, $0, substr($0, 1, at - 1) to substr($0, at + length(from)), ++sites
}

# Binary ones stand between spaces, prefixes before what they apply to.
function operator(at, before,    end, token, after) {
    for (end = at; substr(text, end, 1) ~ operators; ) end++
    token = substr(text, at, end - at); after = end > length(text) ? " " : substr(text, end, 1)
    if (token == "..<" || token == "...") {
        if (before != " " && after ~ /[A-Za-z0-9(]/) site(at, token, instead[token])
    } else if (before == " " && after == " ") {
        if (token in instead) site(at, token, instead[token])
    } else if (token ~ /^[-!~]$/ && before ~ /[ (\[{]/ && after ~ (token == "~" ? "[(]" : "[A-Za-z0-9_(]")) {
        site(at, token, "")
    } else if (token == "." && before ~ /[ (\[,]/) {
        member(at, end, "")
    }
    return end
}

# The ends of a range and the directions in which numbers are rounded: `.max`, `Int64.max`, `rounded(.up)`. What a `case` names is a name.
function member(at, begin, type,    end, token, line) {
    for (end = begin; substr(text, end, 1) ~ /[A-Za-z0-9_$]/; ) end++
    token = substr(text, begin, end - begin); line = substr(text, 1, at - 1)
    if (substr(text, end, 1) == "(" || line ~ /(^|[^A-Za-z])case [^=:]*$/) return
    if (token == "min" || token == "max" || (token in instead && line ~ /rounded\($/)) site(at, type "." token, type "." instead[token])
}

function word(at, before,    end, token) {
    for (end = at; substr(text, end, 1) ~ /[A-Za-z0-9_$]/; ) end++
    token = substr(text, at, end - at)
    if (token == "true" || token == "false") site(at, token, instead[token])
    if ((token == "min" || token == "max") && substr(text, end, 1) == "(") site(at, token, instead[token])
    if (before ~ /[ (\[]/) condition(at)
    if (token ~ /^U?Int[0-9]*$/ && substr(text, end, 1) == ".") {
        member(at, end + 1, token)
        return end + 1
    }
    return end
}

# What is asked by its name, isSo or self.isSo, becomes the opposite. Not where it is declared, set or compared, or a label.
function condition(at,    token, end) {
    match(substr(text, at), /^[A-Za-z_$][A-Za-z0-9_$]*([.][A-Za-z_$][A-Za-z0-9_$]*)*/)
    token = substr(text, at, RLENGTH); end = at + RLENGTH
    if (token !~ /(^|[.])is[A-Z][A-Za-z0-9]*$/ || token ~ /^Self[.]/) return
    if (substr(text, end) ~ /^([(:.?!\[]| [=!]?= |[^=(]*\) = )/ || substr(text, 1, at - 1) ~ /((let|var|func)|let [A-Za-z]+ =) $/) return
    site(at, token, "!" token)
}

# Numbers; whole ones behind a minus stand for "none", and lose the minus instead. Masks lose their last digit.
function literal(at, before,    end, token, number, range) {
    for (end = at; substr(text, end, 1) ~ /[A-Za-z0-9_]/; ) end++
    token = substr(text, at, end - at); number = token; gsub(/_/, "", number)
    range = substr(text, at - 2, 2) == ".."
    if (before == "." && !range) return end
    if (substr(text, end, 1) == "." && substr(text, end + 1, 1) ~ /[0-9]/) {
        for (end++; substr(text, end, 1) ~ /[0-9_]/; ) end++
        site(at, substr(text, at, end - at), (token + 1) substr(text, at + length(token), end - at - length(token)))
        return end
    }
    if (number ~ /^0x[0-9A-F][0-9A-F]+$/) site(at, token, substr(token, 1, length(token) - 1))
    if (number !~ /^[0-9]+$/ || length(number) > 15) return end
    if (before == "-" && at > 2 && substr(text, at - 2, 1) ~ /[ (\[]/) return end
    if (number == 1) site(at, token, "0")
    site(at, token, sprintf("%.0f", number + 1))
    return end
}

# The line with comments and strings blanked out, also those within a string.
function masked(line,    result, i, letter, two) {
    result = ""
    for (i = 1; i <= length(line); i++) {
        letter = substr(line, i, 1); two = substr(line, i, 2)
        if (comment) {
            if (two == "*/") { comment = 0; result = result "~"; i++ }
            result = result "~"
        } else if (depth > 0 && inside[depth] == 0) {
            # In a string.
            if (two == "\\(") { inside[++depth] = 1; result = result "~"; i++ }
            else if (letter == "\\") { result = result "~"; i++ }
            else if (letter == "\"") depth--
            result = result "\""
        } else if (two == "//") {
            break
        } else if (two == "/*") {
            comment = 1; result = result "~~"; i++
        } else if (letter == "\"") {
            inside[++depth] = 0; result = result "\""
        } else if (depth > 0) {
            # In what a string embeds.
            if (letter == "(") inside[depth]++
            if (letter == ")" && --inside[depth] == 0) depth--
            result = result "\""
        } else {
            result = result letter
        }
    }
    return result
}
'

# equivalents FILE: one line for each mutant that no input can tell from the original: file, the line, the line as it becomes, each without its indent, and
# where the entry stands. An entry is a file, "- " with the line, "+ " with the line as it becomes, and the reason; blank lines set entries apart.
equivalents() {
    awk '
        function close_entry() {
            if (!lines) return
            if (file == "" || old == "" || new == "" || !reasons) {
                print FILENAME ":" begin ": an entry needs a file, a line with \"- \", one with \"+ \", and the reason" >"/dev/stderr"
                bad = 1
            } else {
                print file "\t" old "\t" new "\t" begin
            }
            lines = 0; file = old = new = ""; reasons = 0
        }
        /^#/ { next }
        /^ *$/ { close_entry(); next }
        { if (!lines++) { begin = FNR; file = $0; next } }
        /^- / && old == "" { old = substr($0, 3); next }
        /^\+ / && new == "" { new = substr($0, 3); next }
        { reasons++ }
        END { close_entry(); exit bad }
    ' "$1"
}

# without_equivalents ENTRIES [only]: of the sites of standard input those that no entry names, or only those that one does.
# Says on standard error which entries name none, and fails.
without_equivalents() {
    ENTRIES=$1 LC_ALL=C awk -F '\t' -v only="${2:-}" '
        function bare(line) { sub(/^ +/, "", line); return line }
        BEGIN {
            count = split(ENVIRON["ENTRIES"], lines, "\n")
            for (i = 1; i <= count; i++) {
                split(lines[i], parts, "\t")
                entries[parts[1] "\t" parts[2] "\t" parts[3]] = parts[4]
            }
        }
        {
            key = $1 "\t" bare($6) "\t" bare($7)
            if (key in entries) met[key] = 1
            if ((key in entries) == (only != "")) print
        }
        END {
            for (key in entries) if (!(key in met)) {
                split(key, parts, "\t")
                print "line " entries[key] ": " parts[1] " has no site that makes " parts[3] >"/dev/stderr"
                bad = 1
            }
            exit bad
        }
    '
}

# sample SEED COUNT: so many of the lines of standard input, the same ones for the same seed, in their order.
sample() {
    local lines=() chosen=() state=$1 count=$2 index other
    mapfile -t lines
    if ((count >= ${#lines[@]})); then count=${#lines[@]}; fi
    for ((index = 0; index < ${#lines[@]}; index++)); do chosen[index]=$index; done
    for ((index = 0; index < count; index++)); do
        # A linear congruential generator of 64 bits, whose upper bits are the good ones.
        state=$((state * 6364136223846793005 + 1442695040888963407))
        other=$((index + (state >> 33 & 0x7FFFFFFF) % (${#lines[@]} - index)))
        ((other == index)) || { local kept=${chosen[index]}; chosen[index]=${chosen[other]}; chosen[other]=$kept; }
    done
    ((count > 0)) || return 0
    while IFS= read -r index; do printf '%s\n' "${lines[index]}"; done < <(printf '%s\n' "${chosen[@]:0:count}" | sort -n)
}
