import Model

extension JSON {
    /// Refuses a value that is no object, or has fields beside `known`; names the nearest known one.
    func expectFields(_ known: [String], of what: String) throws(JSONError) {
        guard case .object(let fields) = self else { throw JSONError(message: "is not an object") }
        for name in fields.keys.sorted() where !known.contains(name) {
            var message = "is not a field of \(what)"
            if let near = nearestName(to: name, in: known) {
                message += "; did you mean “\(near)”?"
            } else {
                message += "; it has \(known.joined(separator: ", "))"
            }
            throw JSONError(message: message).inside(name)
        }
    }
}

/// The known name that is at most a third of its letters away from `name`; the first of several as near.
func nearestName(to name: String, in known: [String]) -> String? {
    /// Longer names than any of ours are not typing errors of ours, and the comparison is quadratic.
    let longest = 64
    guard name.count <= longest else { return nil }
    var best: (name: String, distance: Int)?
    for candidate in known {
        let distance = editDistance(Array(name.lowercased()), Array(candidate.lowercased()))
        guard distance <= max(1, candidate.count / 3), distance < best?.distance ?? .max else { continue }
        best = (candidate, distance)
    }
    return best?.name
}

/// The least number of letters to insert, delete or replace (Levenshtein).
private func editDistance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (leftIndex, character) in left.enumerated() {
        var diagonal = row[0]
        row[0] = leftIndex + 1
        for index in right.indices {
            let substituted = diagonal + (character == right[index] ? 0 : 1)
            diagonal = row[index + 1]
            row[index + 1] = min(substituted, min(row[index], diagonal) + 1)
        }
    }
    return row[right.count]
}
