import Model

/// The start and end of what a program printed, bounded while it prints: the middle is counted and dropped, never kept.
struct Capture: Sendable, Hashable {
    private(set) var head: [UInt8] = []
    private(set) var tail: [UInt8] = []
    private(set) var total = 0
    let headLimit: Int
    let tailLimit: Int

    init(headLimit: Int, tailLimit: Int) {
        self.headLimit = headLimit
        self.tailLimit = tailLimit
    }

    mutating func append(_ bytes: some Collection<UInt8>) {
        self.total += bytes.count
        let toHead = min(self.headLimit - self.head.count, bytes.count)
        self.head.append(contentsOf: bytes.prefix(toHead))
        let rest = bytes.dropFirst(toHead)
        guard !rest.isEmpty else { return }
        self.tail.append(contentsOf: rest.suffix(self.tailLimit))
        if self.tail.count > self.tailLimit { self.tail.removeFirst(self.tail.count - self.tailLimit) }
    }

    /// Whether all that was printed is kept.
    var isComplete: Bool { self.total <= self.headLimit + self.tailLimit }

    /// Everything, when it is complete.
    var bytes: [UInt8] { self.head + self.tail }
}

/// What a program's own words look like in records: secrets replaced, head and tail kept, control characters made
/// harmless.
struct Evidence: Sendable {
    /// Values that must never appear. Short ones are not looked for: replacing every `1` would hide the answer and no
    /// secret.
    private let secrets: [[UInt8]]

    /// Shorter values are not secrets worth the name, and replacing them would garble every answer.
    static let shortestSecret = 6
    /// The most that an outcome keeps of each stream, in bytes, half of it from the end: where programs say why they
    /// failed.
    static let streamLimit = 4096

    init(secrets: [String]) {
        self.secrets = secrets.map { Array($0.utf8) }.filter { $0.count >= Self.shortestSecret }.sorted {
            $0.count > $1.count
        }
    }

    /// Both streams of a program for an outcome, at most twice ``streamLimit`` and a few words; nil when it printed
    /// nothing.
    func text(of result: ProgramRun.Result) -> String? {
        let parts = [("stdout", result.output), ("stderr", result.errors)].compactMap { name, capture -> String? in
            let text = self.text(of: capture, limit: Self.streamLimit)
            return text.isEmpty ? nil : "\(name): \(text)"
        }
        return parts.isEmpty ? nil : parts.joined(separator: "\n")
    }

    /// Evidence for an error: what the program said last on stderr, else on stdout, within the limit that holds for all
    /// evidence.
    func short(of result: ProgramRun.Result) -> String? {
        let errors = self.text(of: result.errors, limit: ReadingAnswer.maximumEvidence)
        let text = errors.isEmpty ? self.text(of: result.output, limit: ReadingAnswer.maximumEvidence) : errors
        return text.isEmpty ? nil : text
    }

    /// At most `limit` bytes of a stream, head and tail, with the number of bytes in between. Secrets are replaced
    /// before anything is cut, so that no half of one is left at a cut made here; one that the capture itself cut in
    /// two loses its remaining start or end.
    func text(of capture: Capture, limit: Int) -> String {
        if capture.isComplete {
            return Self.cut(self.scrub(capture.bytes), limit: limit, missing: 0)
        }
        let head = self.scrub(Self.dropping(partialSecrets: self.secrets, atEndOf: capture.head))
        let tail = self.scrub(Self.dropping(partialSecrets: self.secrets, atStartOf: capture.tail))
        return Self.cut(head + tail, limit: limit, missing: capture.total - capture.head.count - capture.tail.count)
    }

    private func scrub(_ bytes: [UInt8]) -> [UInt8] {
        self.secrets.reduce(bytes) { text, secret in Self.replacing(secret, in: text) }
    }

    private static func replacing(_ secret: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= secret.count else { return bytes }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == secret[0], bytes[index...].starts(with: secret) {
                out.append(contentsOf: "[secret]".utf8)
                index += secret.count
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return out
    }

    private static func dropping(partialSecrets secrets: [[UInt8]], atEndOf bytes: [UInt8]) -> [UInt8] {
        let longest = secrets.lazy.flatMap { secret in
            (1..<secret.count).lazy.filter { bytes.suffix($0).elementsEqual(secret.prefix($0)) }
        }.max()
        return Array(bytes.dropLast(longest ?? 0))
    }

    private static func dropping(partialSecrets secrets: [[UInt8]], atStartOf bytes: [UInt8]) -> [UInt8] {
        let longest = secrets.lazy.flatMap { secret in
            (1..<secret.count).lazy.filter { bytes.prefix($0).elementsEqual(secret.suffix($0)) }
        }.max()
        return Array(bytes.dropFirst(longest ?? 0))
    }

    private static func cut(_ bytes: [UInt8], limit: Int, missing: Int) -> String {
        if missing == 0, bytes.count <= limit { return Self.printable(bytes[...]) }
        let mark = 48  // room for the words in the middle
        let half = max(0, limit - mark) / 2
        let left = max(0, bytes.count - 2 * half) + missing
        return Self.printable(bytes.prefix(half)) + " … \(left) bytes left out … " + Self.printable(bytes.suffix(half))
    }

    /// UTF-8 with what is not printable replaced, white space at both ends removed.
    private static func printable(_ bytes: ArraySlice<UInt8>) -> String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        var slice = bytes.drop(while: isSpace)
        while let last = slice.last, isSpace(last) { slice.removeLast() }
        let harmless = slice.map { byte in
            (byte < 0x20 && byte != 0x09 && byte != 0x0A) || byte == 0x7F ? UInt8(ascii: "?") : byte
        }
        // "?" for what is not UTF-8: the replacement character would make the text longer than the bytes, and so than
        // the limit.
        return String(
            String.UnicodeScalarView(
                String(decoding: harmless, as: UTF8.self).unicodeScalars.map { $0 == "\u{FFFD}" ? "?" : $0 }))
    }
}

/// Reads what an observe program printed.
enum ExecObservation {
    /// The answer as an observation. Accepted are a whole number, `{"replicas": n, "ready": n}` and
    /// `{"desired": n, "current": n, "ready": n, "version"?: …}`. A field that is not known is an error: a misspelt one
    /// must not count as absent.
    /// - Throws: in words, what is wrong with it. An answer that is not understood is never a number.
    static func parse(_ bytes: [UInt8]) throws(JSONError) -> Observation {
        let json: JSON
        do { json = try JSON(parsing: bytes, maximumDepth: 4) } catch {
            let isBlank = bytes.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
            throw JSONError(
                message: isBlank ? "it printed nothing" : "it printed neither a whole number nor a JSON object")
        }
        switch json {
        case .int:
            let count = try Self.count(json, "the number")
            return .seen(desired: count, current: count, ready: count, version: nil)
        case .object(let fields):
            let short = fields["replicas"] != nil
            let known: Set<String> = short ? ["replicas", "ready"] : ["desired", "current", "ready", "version"]
            if let unknown = fields.keys.sorted().first(where: { !known.contains($0) }) {
                throw JSONError(
                    message:
                        "it has the field “\(unknown.prefix(40))”, which is not known; known are replicas, ready, or "
                        + "desired, current, ready and version")
            }
            func field(_ name: String) throws(JSONError) -> Int {
                guard let value = fields[name] else { throw JSONError(message: "the field “\(name)” is missing") }
                return try Self.count(value, "“\(name)”")
            }
            if short {
                let replicas = try field("replicas")
                let ready = try field("ready")
                // While a platform shrinks, more than it is asked for may still serve.
                return .seen(desired: replicas, current: max(replicas, ready), ready: ready, version: nil)
            }
            let (desired, current, ready) = (try field("desired"), try field("current"), try field("ready"))
            guard ready <= current else {
                throw JSONError(message: "“ready” (\(ready)) is more than “current” (\(current))")
            }
            return .seen(desired: desired, current: current, ready: ready, version: try Self.version(fields["version"]))
        default: throw JSONError(message: "it printed neither a whole number nor a JSON object")
        }
    }

    private static func count(_ json: JSON, _ name: String) throws(JSONError) -> Int {
        guard let value = json.intValue, (0...Int64(ScaleOrder.maximumReplicas)).contains(value) else {
            throw JSONError(message: "\(name) is not a whole number from 0 to \(ScaleOrder.maximumReplicas)")
        }
        return Int(value)
    }

    /// Longest fence token that is kept, in bytes; real ones are a number or a hash.
    private static let longestVersion = 256

    private static func version(_ json: JSON?) throws(JSONError) -> String? {
        switch json {
        case nil, .null: return nil
        case .int(let value): return String(value)
        case .string(let text) where text.utf8.count <= Self.longestVersion: return text
        default:
            throw JSONError(message: "“version” is neither a number nor a text of at most \(Self.longestVersion) bytes")
        }
    }
}
