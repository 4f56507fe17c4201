/// The known name that `name` is most likely a slip of, or nil when none is close.
///
/// Distance counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment), without regard to case; one slip
/// is allowed for each three characters, at most three. Of equally near names the first wins. Text longer than 64 characters has none.
public func nearest(_ name: String, in known: [String]) -> String? {
    let sought = Array(name.lowercased().unicodeScalars.prefix(EditDistance.longest + 1))
    guard !sought.isEmpty, sought.count <= EditDistance.longest else { return nil }
    let allowed = min(3, max(1, sought.count / 3))
    var best: (name: String, distance: Int)?
    for candidate in known where candidate != name {
        let letters = Array(candidate.lowercased().unicodeScalars.prefix(EditDistance.longest + 1))
        guard abs(letters.count - sought.count) <= allowed else { continue }
        let distance = EditDistance.between(sought, letters)
        if distance <= allowed, distance < max(1, letters.count), distance < best?.distance ?? Int.max { best = (candidate, distance) }
    }
    return best?.name
}

private enum EditDistance {
    /// Names are at most 63 characters; longer text is not a slip of one.
    static let longest = 64

    static func between(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [Int](repeating: row, count: right.count + 1)
            for column in 1..<(right.count + 1) {
                let same = left[row - 1] == right[column - 1]
                var cost = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (same ? 0 : 1))
                let swapped = row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1]
                if swapped { cost = min(cost, beforeLast[column - 2] + 1) }
                current[column] = cost
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
