public import Model

/// What the figures of a message may be. A figure outside is a mistake or an attack, and the message is refused.
struct FieldRange {
    var lowest: Int64
    var highest: Int64

    func cut(_ value: Int64) -> Int64 { min(max(value, self.lowest), self.highest) }

    /// Incarnations, request numbers, boot clocks.
    static let natural = FieldRange(lowest: 0, highest: .max)
    static let sequence = FieldRange(lowest: 1, highest: .max)
    static let version = FieldRange(lowest: 1, highest: 1_000_000)
    /// 1970 to 9999, in microseconds.
    static let wall = FieldRange(lowest: 0, highest: 253_402_300_799_999_999)
    static let unixSeconds = FieldRange(lowest: 0, highest: 253_402_300_799)
    static let epoch = FieldRange(lowest: 0, highest: (1 << 40) - 1)
    static let timeline = FieldRange(lowest: 0, highest: Int64(Int32.max))
    /// Ages and delays: ten years in milliseconds, or what a round trip in microseconds never reaches.
    static let age = FieldRange(lowest: 0, highest: 315_360_000_000)
    static let wait = FieldRange(lowest: 0, highest: PeerMessage.maximumWait)
    /// More than this version's eight, for one that counts further.
    static let localHealth = FieldRange(lowest: 0, highest: 64)
}

extension PeerMessage {
    /// - Throws: ``PeerMessageError`` that names the field.
    public init(decoding bytes: some Collection<UInt8>) throws(PeerMessageError) {
        guard bytes.count <= Self.maximumBytes else {
            throw PeerMessageError(field: "", problem: "has \(bytes.count) bytes, more than \(Self.maximumBytes)")
        }
        if let probe = bytes.withContiguousStorageIfAvailable(ProbeReader.message(in:)), let probe {
            self = probe
        } else {
            try self.init(parsing: bytes)
        }
    }

    /// Whatever the message is, and however it is written.
    init(parsing bytes: some Collection<UInt8>) throws(PeerMessageError) {
        do throws(JSONError) {
            // Facts, their Postgres part, suspects: four levels, and some for what newer nodes add.
            let json = try JSON(parsing: bytes, maximumDepth: 8)
            try self.init(json: json)
        } catch {
            throw PeerMessageError(field: error.pointer, problem: error.offset.map { "\(error.message) (at byte \($0))" } ?? error.message)
        }
    }

    private init(json: JSON) throws(JSONError) {
        _ = try json.number("v", in: .version)
        self.init(
            from: try json.name("from"), to: try json.name("to"), bootID: try json.name("boot"),
            incarnation: UInt64(try json.number("incarnation", in: .natural)),
            sequence: UInt64(try json.number("seq", in: .sequence)), requestID: UInt64(try json.number("req", in: .natural)),
            sentMono: try json.number("mono", in: .natural), wall: WallTime(microseconds: try json.number("wall", in: .wall)),
            body: try Body(json: json))
    }

    /// Names are compared and shown; long ones and control characters have no place in them.
    static func objection(toText text: String) -> String? {
        if text.utf8.count > Self.maximumText { return "is longer than \(Self.maximumText) bytes" }
        if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "holds a control character" }
        return nil
    }

    /// The text, cut to what the other side accepts.
    static func cut(_ text: String) -> String {
        guard Self.objection(toText: text) != nil else { return text }
        var kept = ""
        var room = Self.maximumText
        for scalar in text.unicodeScalars {
            let fitting: Unicode.Scalar = scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar
            room -= UTF8.width(fitting)
            if room < 0 { break }
            kept.unicodeScalars.append(fitting)
        }
        return kept
    }
}

extension PeerMessage.Body {
    init(json: JSON) throws(JSONError) {
        let kind = try json.name("kind")
        switch kind {
        case "ping": self = .ping(try json.decode("facts"))
        case "ack":
            self = .ack(requestID: try json.answers, receivedMono: try json.number("received", in: .natural), facts: try json.decode("facts"))
        case "pingRequest": self = .pingRequest(target: try json.name("target"))
        case "indirectAck":
            self = .indirectAck(
                requestID: try json.answers, target: try json.name("target"), reached: try json.bool("reached"))
        case "fence": self = .fence(token: try json.token("token"), leader: try json.text("leader"))
        case "promise":
            self = .promise(
                requestID: try json.answers, token: try json.token("token"), incarnation: try json.name("process"),
                verdict: try PeerMessage.Verdict(json: json))
        case "holdOff": self = .holdOff(milliseconds: try json.number("ms", in: .wait))
        case "heldOff": self = .heldOff(requestID: try json.answers)
        case "handingOver": self = .handingOver
        case "fitness":
            self = .fitness(
                .init(
                    asks: try json.bool("asks"), reached: try json.names("reached", most: PeerMessage.FitnessReport.most),
                    missed: try json.names("missed", most: PeerMessage.FitnessReport.most), forMilliseconds: try json.number("ms", in: .age)))
        case "vouch": self = .vouch(token: try json.token("token"), leaseMilliseconds: try json.number("ms", in: .wait))
        case "vouched": self = .vouched(requestID: try json.answers, token: try json.token("token"), promised: try json.token("promised"))
        case "leaving": self = .leaving
        default: self = .unknown(kind: kind)
        }
    }
}

extension PeerMessage.Verdict {
    init(json: JSON) throws(JSONError) {
        switch try json.string("verdict") {
        case "never": self = .never
        case "dead": self = .dead
        case "refused": self = .refused(try json.text("reason"))
        // Not a promise as far as this version understands: no reason to act.
        default: self = .refused("an answer that this version does not know")
        }
    }
}

extension NodeFacts: JSONDecodable {
    public init(json: JSON) throws(JSONError) {
        self.init(
            role: Role(rawValue: try json.text("role")) ?? .unknown, epochSeen: Epoch(try json.number("epoch", in: .epoch)),
            timelineSeen: Int32(clamping: try json.number("timeline", in: .timeline)), leaderSeen: try json.textIfPresent("leader"),
            version: try json.text("version"), postgres: try json.decode("pg"),
            loopLagMilliseconds: try json.number("lagMs", in: .age), certificateNotAfter: try json.numberIfPresent("certEnd", in: .unixSeconds),
            started: WallTime(microseconds: try json.number("started", in: .wall)),
            localHealth: Int(try json.number("lhm", in: .localHealth)), suspects: [])
        let suspects = json["suspects"]?.arrayValue?.count ?? 0
        guard suspects <= PeerMessage.maximumSuspects else {
            throw JSONError(pointer: "/suspects", message: "has \(suspects) entries, more than \(PeerMessage.maximumSuspects)")
        }
        self.suspects = try json.list("suspects")
    }
}

extension NodeFacts.Postgres: JSONDecodable {
    public init(json: JSON) throws(JSONError) {
        self.init(
            reachable: try json.bool("reachable"), roundTripMicroseconds: try json.numberIfPresent("rttUs", in: .age),
            lastAnswerAgeMilliseconds: try json.numberIfPresent("okAgeMs", in: .age))
    }
}

extension NodeFacts.Suspect: JSONDecodable {
    public init(json: JSON) throws(JSONError) {
        self.init(node: try json.name("node"), incarnation: UInt64(try json.number("incarnation", in: .natural)))
    }
}

extension JSON {
    fileprivate func number(_ name: String, in range: FieldRange) throws(JSONError) -> Int64 {
        let value = try self.int(name)
        guard value >= range.lowest, value <= range.highest else {
            throw JSONError(pointer: "/\(name)", message: "is not between \(range.lowest) and \(range.highest)")
        }
        return value
    }
    fileprivate func numberIfPresent(_ name: String, in range: FieldRange) throws(JSONError) -> Int64? {
        guard let field = self[name], !field.isNull else { return nil }
        return try self.number(name, in: range)
    }
    fileprivate func text(_ name: String) throws(JSONError) -> String {
        let text = try self.string(name)
        if let objection = PeerMessage.objection(toText: text) { throw JSONError(pointer: "/\(name)", message: objection) }
        return text
    }
    fileprivate func textIfPresent(_ name: String) throws(JSONError) -> String? {
        guard let field = self[name], !field.isNull else { return nil }
        return try self.text(name)
    }
    /// A text that may not be empty.
    fileprivate func name(_ name: String) throws(JSONError) -> String {
        let text = try self.text(name)
        guard !text.isEmpty else { throw JSONError(pointer: "/\(name)", message: "is empty") }
        guard text.utf8.count <= PeerMessage.maximumName else {
            throw JSONError(pointer: "/\(name)", message: "is longer than \(PeerMessage.maximumName) bytes")
        }
        return text
    }
    /// A list of objects with a name each.
    fileprivate func names(_ name: String, most: Int) throws(JSONError) -> [String] {
        struct Named: JSONDecodable {
            var name: String
            init(json: JSON) throws(JSONError) { self.name = try json.name("name") }
        }
        guard self[name]?.arrayValue.map({ $0.count <= most }) ?? true else { throw JSONError(pointer: "/\(name)", message: "has more than \(most) entries") }
        let named: [Named] = try self.list(name)
        return named.map(\.name)
    }
    fileprivate var answers: UInt64 {
        get throws(JSONError) { UInt64(try self.number("answers", in: .natural)) }
    }
    fileprivate func token(_ name: String) throws(JSONError) -> FencingToken {
        var token = FencingToken(timeline: 0, epoch: Epoch(0))
        token.value = try self.number(name, in: .natural)
        return token
    }
}
