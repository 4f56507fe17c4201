# shellcheck shell=bash
# All mutants of Swift sources in one program: each site becomes a choice between what stands there and what takes its place, which the program's environment
# makes. So one build does for all of them.

# The variable that says which mutant a program is: the number of its site. Without it the program is what the sources say.
readonly MUTANT_VARIABLE=MUSTER_MUTANT

# woven FILE: that source with its sites, which standard input lists as mutants does, as choices. Lines stay lines.
woven() {
    LC_ALL=C awk "$NAMES$WOVEN" - "$1"
}

# choices: the source that declares what the woven ones use, for the sites of standard input.
choices() {
    LC_ALL=C awk -v variable="$MUTANT_VARIABLE" "$NAMES$CHOICES"
}

# blamed FOLDER LOG: the numbers of those sites of standard input that the errors of the compiler's LOG about the woven sources in FOLDER are about: the
# nearest one on the line, or the first one after it. If it is not the one, the compiler says more the next time.
blamed() {
    local errors
    errors=$(sed -n -E "s|^$1/([^:]+):([0-9]+):([0-9]+): error: .*|\1\t\2\t\3|p" "$2" | LC_ALL=C sort -u)
    ERRORS=$errors LC_ALL=C awk -v folder="$1" "$NAMES$BLAMED"
}

# An operator's site gets an operator of its own: its number in eight letters that Swift takes for parts of an operator. A slash could begin a regular
# expression or a comment, so it is left out.
# shellcheck disable=SC2016
readonly NAMES='
function own_name(token, number,    result) {
    do { result = substr("∀∁∂∃∄∅∆∇", 1 + 3 * (number % 8), 3) result; number = int(number / 8) } while (number > 0)
    return (token == "/" ? "÷" : token) result
}
function kind(token) {
    if (token ~ /^[0-9]/ || token ~ /[.][a-zA-Z]+$/ || token ~ /^is[A-Z]/ || token == "true" || token == "false") return "value"
    if (token == "min" || token == "max") return "extreme"
    return "operator"
}
# What a site becomes begins with this.
function mark(token, number) {
    if (kind(token) == "value") return "mutated(" number ", "
    if (kind(token) == "extreme") return (token == "min" ? "mutatedMin(" : "mutatedMax(") number
    return own_name(token, number)
}
'

# shellcheck disable=SC2016
readonly WOVEN='
BEGIN { FS = "\t"; source = ARGV[2]; next_site = 1 }
FILENAME != source { count++; line[count] = $2; column[count] = $3; from[count] = $4; to[count] = $5; number[count] = $8; next }
{
    text = $0; first = next_site
    while (next_site <= count && line[next_site] == FNR) next_site++
    # From the back, so that the columns before stay what they are.
    for (i = next_site - 1; i >= first; ) {
        at = column[i]; before = substr(text, 1, at - 1); after = substr(text, at + length(from[i]))
        if (kind(from[i]) == "value") {
            # A number may have two mutants: one choice within the other.
            put = from[i]
            for (; i >= first && column[i] == at; i--) put = mark(from[i], number[i]) put ", " to[i] ")"
        } else if (kind(from[i]) == "extreme") {
            sub(/Swift\.$/, "", before)
            put = mark(from[i], number[i]) (after ~ /^\(\)/ ? "" : ", "); after = substr(after, 2); i--
        } else {
            put = mark(from[i], number[i]); i--
        }
        text = before put after
    }
    print text
}
'

# shellcheck disable=SC2016
readonly BLAMED='
BEGIN { FS = "\t"; errors = split(ENVIRON["ERRORS"], error, "\n") }
{ place = $1 "\t" $2; marks[place, ++count[place]] = mark($4, $8); numbers[place, count[place]] = $8; if ($2 > last[$1]) last[$1] = $2 + 0 }
END {
    for (i = 1; i <= errors; i++) {
        split(error[i], parts, "\t"); file = parts[1]; line = parts[2]
        while (line < last[file] && !((file "\t" line) in count)) line++
        place = file "\t" line; least = -1
        for (at = 0; (getline text <(folder "/" file)) > 0; ) if (++at == line) break
        close(folder "/" file)
        for (j = 1; j <= count[place]; j++) {
            distance = index(text, marks[place, j]) - parts[3]; if (distance < 0) distance = -distance
            if (least < 0 || distance < least) { least = distance; nearest = numbers[place, j] }
        }
        if (least >= 0) print nearest
    }
}
'

# shellcheck disable=SC2016
readonly CHOICES='
BEGIN {
    FS = "\t"
    split("Comparison < <= > >= == != === !==, Addition + - &+ &- | ^, Multiplication * / % & &*, LogicalConjunction &&, LogicalDisjunction ||, " \
        "BitwiseShift << >>, Assignment += -= |=, RangeFormation ..< ...", groups, ", ")
    for (i in groups) { count = split(groups[i], parts, " "); for (j = 2; j <= count; j++) precedence[parts[j]] = parts[1] "Precedence" }
    print "import Glibc"
    print "import Model"
    print "public let mutant = getenv(\"" variable "\").flatMap { Int(String(cString: $0)) } ?? -1"
    print "@inline(__always) public func mutated<Value>(_ site: Int, _ value: Value, _ changed: Value) -> Value { mutant == site ? changed : value }"
    extreme("Min", "min", "max")
    extreme("Max", "max", "min")
}
kind($4) == "operator" {
    site = $8; own = own_name($4, site); choice = "mutant == " site " ? "
    if ($5 == "") {
        print "prefix operator " own
        if ($4 == "!") print "@inline(__always) prefix func " own " (value: Bool) -> Bool { " choice "value : !value }"
        else if ($4 == "~") print "@inline(__always) prefix func " own " <T: BinaryInteger>(value: T) -> T { " choice "value : ~value }"
        else print "@inline(__always) prefix func " own " <T: SignedNumeric>(value: T) -> T { " choice "value : -value }"
        next
    }
    print "infix operator " own " : " precedence[$4]
    both = "{ " choice "left " $5 " right : left " $4 " right }"
    if ($4 ~ /^[=!]==$/) {
        print "@inline(__always) func " own " (left: AnyObject?, right: AnyObject?) -> Bool " both
    } else if ($4 ~ /^(==|!=)$/) {
        same("Equatable", "Bool"); other("BinaryInteger", "Bool")
        print "@_disfavoredOverload @inline(__always) func " own " <T>(left: T?, right: _OptionalNilComparisonType) -> Bool " both
    } else if ($4 ~ /^[<>]=?$/) {
        same("Comparable", "Bool"); other("BinaryInteger", "Bool"); pairs("Comparable")
    } else if ($4 ~ /^[-+]$/) {
        same("AdditiveArithmetic", "T")
        print "@inline(__always) func " own " (left: WallTime, right: Duration) -> WallTime " both
        print "@inline(__always) func " own " <T>(left: UnsafeMutablePointer<T>, right: Int) -> UnsafeMutablePointer<T> " both
    } else if ($4 ~ /^[*\/]$/) {
        same("BinaryInteger", "T"); same("FloatingPoint", "T")
    } else if ($4 == "%" || $4 == "&" || $4 == "|" || $4 == "^") {
        same("BinaryInteger", "T")
    } else if ($4 ~ /^&[-+*]$/) {
        same("FixedWidthInteger", "T")
    } else if ($4 ~ /^(<<|>>)$/) {
        print "@inline(__always) func " own " <T: BinaryInteger, U: BinaryInteger>(left: T, right: U) -> T " both
    } else if ($4 ~ /^[-+]=$/) {
        into("AdditiveArithmetic")
    } else if ($4 == "|=") {
        into("BinaryInteger")
    } else if ($4 ~ /^(&&|[|][|])$/) {
        print "@inline(__always) func " own " (left: Bool, right: @autoclosure () throws -> Bool) rethrows -> Bool {"
        print "    if mutant == " site " { return try left " $5 " right() }"
        print "    return try left " $4 " right()"
        print "}"
    } else if ($4 == "..<") {
        range("Range", "left..<(left...right).upperBound.advanced(by: 1)", "left..<right")
    } else if ($4 == "...") {
        range("ClosedRange", "left...(left..<right).upperBound.advanced(by: -1)", "left...right")
    }
}
function same(constraint, result) { print "@inline(__always) func " own " <T: " constraint ">(left: T, right: T) -> " result " " both }
function other(constraint, result) {
    print "@_disfavoredOverload @inline(__always) func " own " <T: " constraint ", U: " constraint ">(left: T, right: U) -> " result " " both
}
function pairs(constraint) {
    print "@inline(__always) func " own " <T: " constraint ", U: " constraint ">(left: (T, U), right: (T, U)) -> Bool " both
}
function into(constraint) {
    print "@inline(__always) func " own " <T: " constraint ">(left: inout T, right: T) {"
    print "    if mutant == " site " { left " $5 " right } else { left " $4 " right }"
    print "}"
}
function range(type, changed, value) {
    print "@inline(__always) func " own " <T: Strideable>(left: T, right: T) -> " type "<T> where T.Stride: SignedInteger {"
    print "    " choice changed " : " value
    print "}"
}
function extreme(ending, is, becomes) {
    own = "mutated" ending "<T: Comparable>(_ site: Int, _ a: T, _ b: T"
    print "@inline(__always) func " own ") -> T { mutant == site ? " becomes "(a, b) : " is "(a, b) }"
    print "@inline(__always) func " own ", _ c: T) -> T { mutant == site ? " becomes "(a, b, c) : " is "(a, b, c) }"
    own = "func mutated" ending
    print "extension Sequence {"
    print "    " own "(_ site: Int) -> Element? where Element: Comparable { mutant == site ? self." becomes "() : self." is "() }"
    print "    " own "(_ site: Int, by isLess: (Element, Element) throws -> Bool) rethrows -> Element? {"
    print "        mutant == site ? try self." becomes "(by: isLess) : try self." is "(by: isLess)"
    print "    }"
    print "}"
}
'
