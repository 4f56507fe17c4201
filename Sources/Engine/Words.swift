import Model

/// The words that explanations are made of. Deterministic; one line; times in UTC.
enum Words {
    /// Most of a driver's or person's words that enter a sentence, in characters: a sentence stays one that people
    /// read.
    static let maximumQuoted = 160

    /// `12:00:30 UTC`, or with the date in front when that is not today.
    static func clock(_ time: WallTime, today now: WallTime) -> String {
        let text = time.rfc3339(fractionDigits: 0)
        let today = now.rfc3339(fractionDigits: 0)
        let clock = "\(text.dropFirst(11).dropLast()) UTC"
        return text.prefix(10) == today.prefix(10) ? clock : "\(text.prefix(10)) \(clock)"
    }

    /// Foreign words in one line of bounded length.
    static func quoted(_ text: String) -> String {
        var line = ""
        var count = 0
        for character in text {
            if count == Self.maximumQuoted { return line + "…" }
            line.append(
                character.isNewline || character.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
                    ? " " : character)
            count += 1
        }
        return line
    }

    /// `queue is missing (no row)`, `queue is stale (3m old, at most 2m)`.
    static func lack(_ reading: Reading) -> String {
        switch reading.quality {
        case .fresh: "\(reading.metric) is fresh"
        case .stale: "\(reading.metric) is stale (\(Self.age(reading)) old, at most \(reading.maxAge.text))"
        case .doubted: "\(reading.metric) is doubted (\(reading.value.map { "\($0)" } ?? ""), a fall too steep to be believed yet)"
        case .missing: "\(reading.metric) is missing (\(Self.why(reading.missing ?? .absent)))"
        }
    }

    /// An age to the second.
    static func age(_ reading: Reading) -> String { Duration.seconds((reading.age ?? .zero).components.seconds).text }

    static func why(_ reason: MissingReason) -> String {
        switch reason {
        case .absent: "no row"
        case .null: "NULL"
        case .nonFinite: "not a finite number"
        case .unparsable: "not a number"
        case .ambiguous: "more than one answer"
        case .partial: "an incomplete answer"
        case .clock: "its time is ahead of ours"
        case .timeout: "timed out"
        case .unreachable: "the source is unreachable"
        case .unauthorized: "access denied"
        case .refused: "the source refused"
        case .overloaded: "the source is overloaded"
        case .misconfigured: "this node's configuration lacks what it needs"
        }
    }
}
