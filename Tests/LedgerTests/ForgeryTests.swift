@testable import Ledger
import Model
import SeededRandom
import Testing

/// Logs whose hashes, columns and head all add up, and whose events contradict one another: what a faulty leader or a careful forger leaves behind.
@Suite struct ForgeryTests {
    struct Step {
        var type: EventType
        var decision: String?
        var node = "a"
        var nseq: Int64?
        var reverts: [Int64] = []
        var id: Int?

        init(_ type: EventType, _ decision: String? = nil, node: String = "a", nseq: Int64? = nil, reverts: [Int64] = [], id: Int? = nil) {
            self.type = type
            self.decision = decision
            self.node = node
            self.nseq = nseq
            self.reverts = reverts
            self.id = id
        }
    }

    static func judge(_ steps: [Step]) throws -> Verifier.Verdict {
        var numbers: [String: Int64] = [:]
        let drafts = steps.enumerated().map { index, step in
            numbers[step.node, default: 0] += 1
            var draft = Sample.draft(
                step.id ?? index, step.type, node: step.node, nseq: step.nseq ?? numbers[step.node, default: 0], decision: step.decision)
            draft.reverts = step.reverts
            return draft
        }
        let sealed = try Sealer.seal(drafts, onto: TreeState(origin: "o"), epoch: Epoch(1), leader: "a", now: Sample.start)
        let rows = sealed.events.map { StoredEvent($0) }
        let verdict = Verifier.judge(rows, StoredHead(sealed.state))
        #expect(NaiveVerifier.firstBad(rows, StoredHead(sealed.state)) == verdict.firstBadSeq, "\(verdict.reason)")
        return verdict
    }

    @Test("an intent ends once, and its outcome may be unknown for a while")
    func goodPairs() throws {
        for final in [EventType.decisionApplied, .decisionFailed, .decisionSuperseded, .decisionSuppressed] {
            #expect(try Self.judge([.init(.decisionProposed, "d-1"), .init(final, "d-1")]).isOK)
            #expect(
                try Self.judge([
                    .init(.decisionProposed, "d-1"), .init(.decisionProposed, "d-2"), .init(.decisionOutcomeUnknown, "d-1"),
                    .init(.decisionOutcomeUnknown, "d-1"), .init(final, "d-1"), .init(final, "d-2"),
                ]).isOK)
        }
        #expect(try Self.judge([.init(.decisionSuppressed, "d-1")]).isOK)
        #expect(try Self.judge([.init(.decisionProposed, "d-1")]).isOK)
    }

    @Test("an outcome without an intent, a second outcome, a second intent and a decision without a name are found")
    func badPairs() throws {
        for outcome in [EventType.decisionApplied, .decisionFailed, .decisionSuperseded, .decisionOutcomeUnknown] {
            #expect(try Self.judge([.init(outcome, "d-1")]).firstBadSeq == 0)
            #expect(try Self.judge([.init(outcome, nil)]).firstBadSeq == 0)
            #expect(try Self.judge([.init(.decisionProposed, "d-1"), .init(outcome, "d-2")]).firstBadSeq == 1)
            #expect(
                try Self.judge([.init(.decisionProposed, "d-1"), .init(.decisionApplied, "d-1"), .init(outcome, "d-1")])
                    .firstBadSeq == 2)
        }
        #expect(try Self.judge([.init(.decisionProposed, "d-1"), .init(.decisionProposed, "d-1")]).firstBadSeq == 1)
        #expect(try Self.judge([.init(.decisionSuppressed, "d-1"), .init(.decisionSuppressed, "d-1")]).firstBadSeq == 1)
        #expect(try Self.judge([.init(.decisionSuppressed, "d-1"), .init(.decisionProposed, "d-1")]).firstBadSeq == 1)
        #expect(
            try Self.judge([.init(.decisionProposed, "d-1"), .init(.decisionApplied, "d-1"), .init(.decisionProposed, "d-1")])
                .firstBadSeq == 2)
    }

    @Test("a gap or a repetition in the numbers of a node's run is found")
    func numbers() throws {
        let type = EventType.configChanged
        #expect(try Self.judge([.init(type), .init(type, node: "b"), .init(type), .init(type, node: "b")]).isOK)
        #expect(try Self.judge([.init(type, nseq: 2)]).firstBadSeq == 0)
        #expect(try Self.judge([.init(type, nseq: 0)]).firstBadSeq == 0)
        #expect(try Self.judge([.init(type), .init(type, nseq: 3)]).firstBadSeq == 1)
        #expect(try Self.judge([.init(type), .init(type, node: "b"), .init(type, nseq: 1)]).firstBadSeq == 2)
    }

    @Test("an event can't revert itself or a later one")
    func reverts() throws {
        let type = EventType.configChanged
        #expect(try Self.judge([.init(type), .init(type), .init(type, reverts: [1, 0])]).isOK)
        #expect(try Self.judge([.init(type), .init(type, reverts: [1]), .init(type)]).firstBadSeq == 1)
        #expect(try Self.judge([.init(type), .init(type, reverts: [0, 2]), .init(type)]).firstBadSeq == 1)
        #expect(try Self.judge([.init(type), .init(type, reverts: [-1])]).firstBadSeq == 1)
    }

    @Test("an event that is there twice under two numbers is found")
    func repeatedID() throws {
        #expect(try Self.judge([.init(.configChanged, id: 1), .init(.configChanged, id: 2), .init(.configChanged, id: 1)]).firstBadSeq == 2)
    }

    // MARK: Edited leaves

    /// A log of one event whose leaf was edited, with everything else made to fit.
    static func edited(_ edit: (inout [String: JSON]) -> Void) throws -> Verifier.Verdict {
        let sealed = try SealerTests.seal(Sample.draft(1, nseq: 1))
        var fields = try #require(try JSON(parsing: sealed.leaf).objectValue)
        edit(&fields)
        return Self.judge(leaf: JSON.object(fields).canonical(), like: sealed)
    }

    static func judge(leaf: [UInt8], like event: SealedEvent) -> Verifier.Verdict {
        var row = StoredEvent(event)
        row.leaf = leaf
        let forged = Sample.forge([row])
        return Verifier.judge(forged.rows, forged.head)
    }

    @Test("a leaf that lacks what every leaf has is found, whatever its hash says")
    func missingFields() throws {
        #expect(try Self.edited { _ in }.isOK)
        let required = [
            "schema", "seq", "integrated_at", "epoch", "leader", "id", "type", "severity", "occurred_at", "origin", "actor", "action",
            "outcome", "subject",
        ]
        for name in required {
            let verdict = try Self.edited { $0[name] = nil }
            #expect(verdict.firstBadSeq == 0 && verdict.reason.contains("lacks the field “\(name)”"), "\(name): \(verdict.reason)")
        }
        for (object, name) in [("origin", "nseq"), ("origin", "boot_id"), ("actor", "kind"), ("outcome", "status"), ("subject", "id")] {
            let verdict = try Self.edited { fields in
                var inner = fields[object]?.objectValue ?? [:]
                inner[name] = nil
                fields[object] = .object(inner)
            }
            #expect(verdict.firstBadSeq == 0 && verdict.reason.contains("lacks the field “\(name)”"), "\(name): \(verdict.reason)")
        }
    }

    @Test("a field of the wrong kind is found")
    func wrongKinds() throws {
        let wrong: [(String, JSON)] = [
            ("seq", "0"), ("seq", -1), ("seq", .double(0.5)), ("epoch", 41), ("epoch", "041"), ("epoch", "-1"), ("epoch", ""),
            ("epoch", "99999999999999999999"), ("id", "x"), ("id", "0197AAAA-BBBB-7CCC-8DDD-000000000001"), ("origin", "a"), ("actor", []),
            ("leader", .null), ("truncated", .bool(false)), ("reverts", 1), ("reverts", ["1"]), ("type", 1),
            ("occurred_at", "2026-05-28T20:26:40Z"), ("occurred_at", "2026-05-28T20:26:40.123456+00:00"),
            ("occurred_at", "2026-02-30T20:26:40.123456Z"), ("occurred_at", "2026-05-28T20:26:60.123456Z"),
            ("occurred_at", "2026-05-28t20:26:40.123456Z"), ("after", .double(1.5)), ("after", .int(9_007_199_254_740_992)),
        ]
        for (name, value) in wrong {
            let verdict = try Self.edited { $0[name] = value }
            #expect(verdict.firstBadSeq == 0, "\(name) = \(value.text): \(verdict.reason)")
        }
    }

    @Test("what a newer version wrote is not judged, and nobody is accused")
    func unknownThings() throws {
        func expectIncomplete(_ verdict: Verifier.Verdict, _ word: String) {
            guard case .incomplete(let reason) = verdict, reason.contains(word) else {
                Issue.record("\(word): \(verdict)")
                return
            }
        }
        expectIncomplete(try Self.edited { $0["approvals"] = [["actor_id": "x"]] }, "approvals")
        expectIncomplete(try Self.edited { $0["aaa"] = .null }, "aaa")
        expectIncomplete(try Self.edited { $0["zzz"] = .null }, "zzz")
        expectIncomplete(try Self.edited { $0["schema"] = "audit.v2" }, "audit.v2")
        expectIncomplete(
            try Self.edited {
                $0["schema"] = "audit.v2"
                $0["actor"] = "somebody"
            }, "audit.v2")
        expectIncomplete(try Self.edited { $0["action"] = "levitate" }, "levitate")
        // Known to be wrong is worse than not known.
        let verdict = try Self.edited {
            $0["action"] = "levitate"
            $0["epoch"] = "7"
        }
        #expect(verdict.firstBadSeq == 0)
    }

    @Test("events after one that can't be read are still checked, without blaming its gap on them")
    func afterUnreadable() throws {
        let log = try Sample.log(10)
        var rows = log.rows
        // The intent itself is the unreadable one: its outcomes follow.
        rows[5].leaf = Array(String(decoding: rows[5].leaf, as: UTF8.self).replacing("audit.v1", with: "audit.v9").utf8)
        let forged = Sample.forge(rows)
        let verdict = Verifier.judge(forged.rows, forged.head)
        guard case .incomplete(let reason) = verdict, reason.contains("audit.v9") else {
            Issue.record("\(verdict)")
            return
        }
        var edited = forged
        edited.rows[8].severity = "critical"
        #expect(Verifier.judge(edited.rows, edited.head).firstBadSeq == 8)
    }

    @Test("a leaf that is JSON of the same meaning in another text is found")
    func notCanonical() throws {
        let event = try SealerTests.seal(Sample.draft(1, nseq: 1))
        let text = String(decoding: event.leaf, as: UTF8.self)
        let variants = [
            text + " ", " " + text, text.replacing("\"seq\":0", with: "\"seq\": 0"), text.replacing("\"seq\":0", with: "\"seq\":-0"),
            text.replacing("\"seq\":0", with: "\"seq\":0.0"), text.replacing("\"seq\":0", with: "\"seq\":0e0"),
            text.replacing("\"seq\":0", with: "\"seq\":0,\"seq\":0"), text.replacing("größer", with: "gr\\u00f6ßer"),
            text.replacing("\\n", with: "\\u000a"), text.replacing("transcode/", with: "transcode\\/"), text + "{}", String(text.dropLast()), "",
        ]
        for variant in variants {
            #expect(variant != text)
            let verdict = Self.judge(leaf: Array(variant.utf8), like: event)
            #expect(verdict.firstBadSeq == 0, "\(variant): \(verdict.reason)")
        }
    }

    @Test("both verifiers agree on every log, good, edited or forged", arguments: [31, 32, 33] as [UInt64])
    func agreement(seed: UInt64) throws {
        let log = try Sample.log(25)
        var generator = Seeded(seed: seed)
        for round in 0..<150 {
            var rows = log.rows
            var head = StoredHead(log.head)
            let index = Int.random(in: rows.indices, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: break
            case 1: rows.swapAt(index, Int.random(in: rows.indices, using: &generator))
            case 2: rows.remove(at: index)
            case 3: rows[index].epoch += Int64.random(in: -1...1, using: &generator)
            case 4:
                let byte = Int.random(in: rows[index].leaf.indices, using: &generator)
                rows[index].leaf[byte] = UInt8.random(in: 0x20..<0x7F, using: &generator)
            default: rows[index].subjectID = rows[Int.random(in: rows.indices, using: &generator)].actorID
            }
            if Bool.random(using: &generator) { (rows, head) = Sample.forge(rows) }
            let verdict = Verifier.judge(rows, head)
            let naive = NaiveVerifier.firstBad(rows, head)
            switch verdict {
            case .ok: #expect(naive == nil, "seed \(seed), round \(round)")
            case .tampered(let seq, let reason): #expect(naive == seq ?? -1, "seed \(seed), round \(round): \(reason)")
            // A word that no version knows: the naive one has no such verdict.
            case .incomplete(let reason): #expect(reason.contains("does not know"), "seed \(seed), round \(round): \(reason)")
            }
        }
    }
}
