import ArgumentParser
import Ledger
import Model

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "The audit log.", discussion: "Example: muster audit verify", subcommands: [List.self, Verify.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Events, newest first.", discussion: "Example: muster audit list --type decision.proposed --limit 20")
        @Option(help: "Only of this type, such as decision.proposed.") var type: String?
        @Option(help: "Only by this actor, such as token:4fK2x9Qa.") var actor: String?
        @Option(help: "Only about this, such as transcode/eu-west.") var subject: String?
        @Option(help: "At most so many.") var limit = 100
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        func validate() throws {
            guard (1...10_000).contains(self.limit) else { throw ValidationError("--limit is 1 to 10000") }
        }

        func run() async throws {
            let query = [("type", self.type), ("actor", self.actor), ("subject", self.subject)].compactMap { name, value in value.map { (name, $0) } }
            let items = try await self.connect.client().list("/v1/audit/events", query: query, limit: self.limit)
            Print.value(["items": .array(items)], self.output.format) {
                if self.output.format == .name { return items.map { $0.cell("seq") + "\n" }.joined() }
                var table = Table(headings: ["SEQ", "AT", "EPOCH", "TYPE", "ACTOR", "SUBJECT", "OUTCOME"])
                table.rows = items.map {
                    [$0.cell("seq"), $0.cell("at"), $0.cell("epoch"), $0.cell("type"), $0.cell("actorId"), $0.cell("subjectId"), $0.cell("outcome")]
                }
                return table.text()
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check every event against the tree, here, from what the node hands out.",
            discussion: """
                Every leaf is hashed again, compared with its columns, put into the tree, and the root compared with the log's. The node's own word is not used.

                Exit codes: 0 ok, 2 tampered with, 3 incomplete.

                Example: muster audit verify
                """)
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        /// Events asked for at a time.
        private static let page = 500

        func run() async throws {
            let client = try self.connect.client()
            let head = try Self.head(try await client.get("/v1/audit/checkpoint"))
            var verifier = Verifier()
            reading: while verifier.checked < head.size {
                let first = verifier.checked
                let last = min(head.size, first + Int64(Self.page)) - 1
                let items = try await client.list(
                    "/v1/audit/events", query: [("order", "asc"), ("seqFrom", String(first)), ("seqTo", String(last))], limit: Self.page)
                if items.isEmpty { break }
                for item in items where !verifier.check(try Self.event(item)) { break reading }
                if verifier.checked == first { break }
            }
            try self.report(verifier.verdict(head: head), checked: verifier.checked)
        }

        private func report(_ verdict: Verifier.Verdict, checked: Int64) throws {
            let json: JSON
            let text: String
            let exitCode: Int32
            switch verdict {
            case .ok(let size, let root):
                json = ["state": "ok", "size": .int(size), "root": .string(root.hex)]
                text = "ok: \(size) events, root \(root.hex)\n"
                exitCode = 0
            case .tampered(let seq, let reason):
                json = .fields(["state": "tampered", "firstBadSeq": seq.map { .int($0) }, "reason": .string(reason)])
                text = "TAMPERED\(seq.map { " at event \($0)" } ?? ""): \(reason)\n"
                exitCode = 2
            case .incomplete(let reason):
                json = ["state": "incomplete", "checked": .int(checked), "reason": .string(reason)]
                text = "incomplete after \(checked) events: \(reason)\n"
                exitCode = 3
            }
            Print.value(json, self.output.format) { text }
            if exitCode != 0 { throw Failure("", exitCode: exitCode) }
        }

        private static func head(_ json: JSON) throws -> StoredHead {
            guard let size = json["size"]?.intValue else { throw Failure("the node's answer has no size of the log: is it of another version?") }
            let time = json["integratedAt"]?.stringValue.flatMap { WallTime(rfc3339: $0) }
            return StoredHead(
                size: size, root: Self.bytes(json["root"]) ?? TreeHash.empty.bytes, frontier: Self.bytes(json["frontier"]) ?? [],
                epoch: json["epoch"]?.intValue ?? 0, integratedAt: time ?? WallTime(microseconds: 0))
        }

        private static func event(_ json: JSON) throws -> StoredEvent {
            do {
                guard let at = WallTime(rfc3339: try json.string("integratedAt")), let hash = Self.bytes(json["leafHash"]) else {
                    throw JSONError(message: "has no time or hash")
                }
                return StoredEvent(
                    seq: try json.int("seq"), integratedAt: at, epoch: try json.int("epoch"), id: try json.string("id"), type: try json.string("type"),
                    severity: try json.string("severity"), actorID: try json.string("actorId"), subjectID: try json.string("subjectId"),
                    decisionID: json["decisionId"]?.stringValue, leaf: Array(try json.string("leaf").utf8), leafHash: hash)
            } catch {
                throw Failure("an event of the node's answer can't be read: \(error)")
            }
        }

        private static func bytes(_ json: JSON?) -> [UInt8]? {
            guard let text = json?.stringValue, text.utf8.count % 2 == 0 else { return nil }
            var bytes: [UInt8] = []
            var rest = Substring(text)
            while !rest.isEmpty {
                guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
                bytes.append(byte)
                rest.removeFirst(2)
            }
            return bytes
        }
    }
}
