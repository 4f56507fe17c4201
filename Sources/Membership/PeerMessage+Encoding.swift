import Model

/// Writes the one JSON object of a message straight into bytes: a message is written up to a hundred times a second on each node, and a tree of
/// values with sorted keys would cost several times as much.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []
    private var first = true

    init() {
        // A ping with its facts is about 500 bytes.
        self.bytes.reserveCapacity(768)
        self.open()
    }

    mutating func field(_ name: StaticString, _ value: String) {
        self.name(name)
        self.text(value)
    }
    mutating func field(_ name: StaticString, _ value: Int64) {
        self.name(name)
        self.number(value)
    }
    /// Left out when nil.
    mutating func field(_ name: StaticString, ifPresent value: Int64?) {
        if let value { self.field(name, value) }
    }
    mutating func field(_ name: StaticString, _ value: Bool) {
        self.name(name)
        self.literal(value ? "true" : "false")
    }
    mutating func object(_ name: StaticString, _ content: (inout FieldWriter) -> Void) {
        self.name(name)
        self.open()
        content(&self)
        self.close()
    }
    mutating func list<Element>(_ name: StaticString, _ elements: some Sequence<Element>, _ content: (inout FieldWriter, Element) -> Void) {
        self.name(name)
        self.bytes.append(UInt8(ascii: "["))
        var later = false
        for element in elements {
            if later { self.bytes.append(UInt8(ascii: ",")) }
            later = true
            self.open()
            content(&self, element)
            self.close()
        }
        self.bytes.append(UInt8(ascii: "]"))
        self.first = false
    }
    /// Ends the outermost object.
    mutating func close() {
        self.bytes.append(UInt8(ascii: "}"))
        self.first = false
    }

    private mutating func open() {
        self.bytes.append(UInt8(ascii: "{"))
        self.first = true
    }
    private mutating func name(_ name: StaticString) {
        if !self.first { self.bytes.append(UInt8(ascii: ",")) }
        self.first = false
        self.bytes.append(UInt8(ascii: "\""))
        self.literal(name)
        self.bytes.append(UInt8(ascii: "\""))
        self.bytes.append(UInt8(ascii: ":"))
    }
    private mutating func literal(_ text: StaticString) {
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
    private mutating func number(_ value: Int64) {
        if value < 0 { self.bytes.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let start = self.bytes.count
        repeat {
            self.bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self.bytes[start...].reverse()
    }
    private mutating func text(_ value: String) {
        self.bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                self.bytes.append(UInt8(ascii: "\\"))
                self.bytes.append(byte)
            case 0..<0x20:
                self.literal("\\u00")
                self.bytes.append(UInt8(ascii: "0") + (byte >> 4))
                let low = byte & 15
                self.bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
            default: self.bytes.append(byte)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }
}

extension PeerMessage {
    /// The message's bytes, without a frame's length. Figures beyond their range are cut to it, so that what one node writes another accepts.
    public func encoded() -> [UInt8] {
        var writer = FieldWriter()
        writer.field("v", Self.version)
        writer.field("kind", self.body.kind)
        writer.field("from", self.from)
        writer.field("to", self.to)
        writer.field("boot", self.bootID)
        writer.field("incarnation", Int64(clamping: self.incarnation))
        writer.field("seq", Int64(clamping: self.sequence))
        writer.field("req", Int64(clamping: self.requestID))
        writer.field("mono", FieldRange.natural.cut(self.sentMono))
        writer.field("wall", FieldRange.wall.cut(self.wall.microseconds))
        self.body.write(to: &writer)
        writer.close()
        return writer.bytes
    }
}

extension PeerMessage.Body {
    func write(to writer: inout FieldWriter) {
        switch self {
        case .ping(let facts): writer.object("facts", facts.write)
        case .ack(let request, let received, let facts):
            writer.field("answers", Int64(clamping: request))
            writer.field("received", FieldRange.natural.cut(received))
            writer.object("facts", facts.write)
        case .pingRequest(let target): writer.field("target", target)
        case .indirectAck(let request, let target, let reached):
            writer.field("answers", Int64(clamping: request))
            writer.field("target", target)
            writer.field("reached", reached)
        case .fence(let token, let leader):
            writer.field("token", token.value)
            writer.field("leader", leader)
        case .promise(let request, let token, let incarnation, let verdict):
            writer.field("answers", Int64(clamping: request))
            writer.field("token", token.value)
            writer.field("process", incarnation)
            switch verdict {
            case .never: writer.field("verdict", "never")
            case .dead: writer.field("verdict", "dead")
            case .refused(let reason):
                writer.field("verdict", "refused")
                writer.field("reason", PeerMessage.cut(reason))
            }
        case .holdOff(let milliseconds): writer.field("ms", FieldRange.wait.cut(milliseconds))
        case .heldOff(let request): writer.field("answers", Int64(clamping: request))
        case .fitness(let report):
            writer.field("asks", report.asks)
            writer.list("reached", report.reached.prefix(PeerMessage.FitnessReport.most)) { $0.field("name", $1) }
            writer.list("missed", report.missed.prefix(PeerMessage.FitnessReport.most)) { $0.field("name", $1) }
            writer.field("ms", FieldRange.age.cut(report.forMilliseconds))
        case .vouch(let token, let lease):
            writer.field("token", token.value)
            writer.field("ms", FieldRange.wait.cut(lease))
        case .vouched(let request, let token, let promised):
            writer.field("answers", Int64(clamping: request))
            writer.field("token", token.value)
            writer.field("promised", promised.value)
        case .handingOver, .leaving, .unknown: break
        }
    }
}

extension NodeFacts {
    func write(to writer: inout FieldWriter) {
        writer.field("role", self.role.rawValue)
        writer.field("epoch", FieldRange.epoch.cut(self.epochSeen.value))
        writer.field("timeline", FieldRange.timeline.cut(Int64(self.timelineSeen)))
        if let leaderSeen { writer.field("leader", PeerMessage.cut(leaderSeen)) }
        writer.field("version", PeerMessage.cut(self.version))
        writer.object("pg") { writer in
            writer.field("reachable", self.postgres.reachable)
            writer.field("rttUs", ifPresent: self.postgres.roundTripMicroseconds.map(FieldRange.age.cut))
            writer.field("okAgeMs", ifPresent: self.postgres.lastAnswerAgeMilliseconds.map(FieldRange.age.cut))
        }
        writer.field("lagMs", FieldRange.age.cut(self.loopLagMilliseconds))
        writer.field("certEnd", ifPresent: self.certificateNotAfter.map(FieldRange.unixSeconds.cut))
        writer.field("started", FieldRange.wall.cut(self.started.microseconds))
        writer.field("lhm", FieldRange.localHealth.cut(Int64(self.localHealth)))
        if !self.suspects.isEmpty {
            writer.list("suspects", self.suspects.prefix(PeerMessage.maximumSuspects)) { writer, suspect in
                writer.field("node", suspect.node)
                writer.field("incarnation", Int64(clamping: suspect.incarnation))
            }
        }
    }
}
