import Model

/// Reads a ping or an ack as ``PeerMessage/encoded()`` writes it: the same fields in the same order, no space between them, text that needs no escapes.
/// Almost all that comes is one of these, dozens a second on each node, and a tree of values costs several times as much.
///
/// Nil is no verdict. What is written in another way, says more, or has a value out of range is left to the JSON parser, which says what is wrong.
struct ProbeReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    /// - Parameter bytes: of one message.
    static func message(in bytes: UnsafeBufferPointer<UInt8>) -> PeerMessage? {
        var reader = ProbeReader(bytes: bytes)
        guard let message = reader.message(), reader.position == bytes.count else { return nil }
        return message
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private mutating func message() -> PeerMessage? {
        guard self.number("{\"v\":", in: .version) != nil, self.take(",\"kind\":\"") else { return nil }
        let isAck = self.take("ack")
        guard isAck || self.take("ping"), self.take("\""),
            let from = self.name(",\"from\":"), let to = self.name(",\"to\":"), let bootID = self.name(",\"boot\":"),
            let incarnation = self.number(",\"incarnation\":", in: .natural), let sequence = self.number(",\"seq\":", in: .sequence),
            let requestID = self.number(",\"req\":", in: .natural), let sentMono = self.number(",\"mono\":", in: .natural),
            let wall = self.number(",\"wall\":", in: .wall)
        else { return nil }
        let body: PeerMessage.Body
        if isAck {
            guard let answers = self.number(",\"answers\":", in: .natural), let received = self.number(",\"received\":", in: .natural),
                let facts = self.facts()
            else { return nil }
            body = .ack(requestID: UInt64(answers), receivedMono: received, facts: facts)
        } else {
            guard let facts = self.facts() else { return nil }
            body = .ping(facts)
        }
        guard self.take("}") else { return nil }
        return PeerMessage(
            from: from, to: to, bootID: bootID, incarnation: UInt64(incarnation), sequence: UInt64(sequence), requestID: UInt64(requestID),
            sentMono: sentMono, wall: WallTime(microseconds: wall), body: body)
    }

    /// Without suspects, who are not there as long as all is well.
    private mutating func facts() -> NodeFacts? {
        guard let role = self.text(",\"facts\":{\"role\":"), let epoch = self.number(",\"epoch\":", in: .epoch),
            let timeline = self.number(",\"timeline\":", in: .timeline)
        else { return nil }
        var leader: String?
        if self.take(",\"leader\":") {
            guard let text = self.text() else { return nil }
            leader = text
        }
        guard let version = self.text(",\"version\":"), let postgres = self.postgres(), let lag = self.number(",\"lagMs\":", in: .age),
            let certificateEnd = self.optional(",\"certEnd\":", in: .unixSeconds), let started = self.number(",\"started\":", in: .wall),
            let localHealth = self.number(",\"lhm\":", in: .localHealth), self.take("}")
        else { return nil }
        return NodeFacts(
            role: NodeFacts.Role(rawValue: role) ?? .unknown, epochSeen: Epoch(epoch), timelineSeen: Int32(clamping: timeline), leaderSeen: leader,
            version: version, postgres: postgres, loopLagMilliseconds: lag, certificateNotAfter: certificateEnd.value,
            started: WallTime(microseconds: started), localHealth: Int(localHealth))
    }

    private mutating func postgres() -> NodeFacts.Postgres? {
        guard self.take(",\"pg\":{\"reachable\":") else { return nil }
        let reachable = self.take("true")
        guard reachable || self.take("false"), let roundTrip = self.optional(",\"rttUs\":", in: .age),
            let age = self.optional(",\"okAgeMs\":", in: .age), self.take("}")
        else { return nil }
        return .init(reachable: reachable, roundTripMicroseconds: roundTrip.value, lastAnswerAgeMilliseconds: age.value)
    }

    // MARK: Fields

    /// The next bytes, if they are these.
    private mutating func take(_ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard self.bytes.count - self.position >= count else { return false }
        for index in 0..<count where self.bytes[self.position + index] != literal.utf8Start[index] { return false }
        self.position += count
        return true
    }

    private mutating func number(_ before: StaticString, in range: FieldRange) -> Int64? {
        self.take(before) ? self.number(in: range) : nil
    }

    /// A field that may be left out.
    private struct Maybe { var value: Int64? }
    private mutating func optional(_ before: StaticString, in range: FieldRange) -> Maybe? {
        guard self.take(before) else { return Maybe(value: nil) }
        return self.number(in: range).map { Maybe(value: $0) }
    }

    private mutating func number(in range: FieldRange) -> Int64? {
        let start = self.position
        var value: Int64 = 0
        while self.position < self.bytes.count, case let digit = self.bytes[self.position] &- UInt8(ascii: "0"), digit < 10 {
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { return nil }
            value = sum
            self.position += 1
        }
        let digits = self.position - start
        // JSON has no leading zeros.
        guard digits > 0, digits == 1 || self.bytes[start] != UInt8(ascii: "0"), value >= range.lowest, value <= range.highest else { return nil }
        return value
    }

    private mutating func name(_ before: StaticString) -> String? {
        guard let name = self.text(before), !name.isEmpty, name.utf8.count <= PeerMessage.maximumName else { return nil }
        return name
    }

    private mutating func text(_ before: StaticString) -> String? { self.take(before) ? self.text() : nil }

    /// Printable ASCII without escapes.
    private mutating func text() -> String? {
        guard self.take("\"") else { return nil }
        let start = self.position
        while self.position < self.bytes.count {
            let byte = self.bytes[self.position]
            if byte == UInt8(ascii: "\"") {
                guard self.position - start <= PeerMessage.maximumText else { return nil }
                defer { self.position += 1 }
                return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
            }
            guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") else { return nil }
            self.position += 1
        }
        return nil
    }
}
