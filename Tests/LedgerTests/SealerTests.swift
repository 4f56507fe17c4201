import Ledger
import Model
import SeededRandom
import Testing

@Suite struct SealerTests {
    static func seal(_ draft: EventDraft, onto state: TreeState = TreeState(origin: "test/audit")) throws -> SealedEvent {
        try Sealer.seal([draft], onto: state, epoch: Epoch(41), leader: "a", now: Sample.start).events[0]
    }

    @Test("the leaf is the canonical text of the whole event")
    func leafText() throws {
        var draft = Sample.draft(1, .decisionProposed, nseq: 3, decision: "d-17")
        draft.actor.session = "s-1"
        draft.actor.ip = "192.0.2.7"
        draft.outcome = .init(status: .failure, code: "timeout", reason: "no answer", latency: .milliseconds(2))
        draft.decision = ["id": "d-17", "from": 4, "to": 6]
        draft.cause = ["rule": "queue"]
        draft.correlation = .init(
            traceID: "4bf92f3577b34da6a3ce929d0e0e4736", requestID: "r-1", parentID: Sample.id(9), decisionID: "d-17")
        draft.reverts = [3, 1]
        let event = try Self.seal(draft)
        let text = """
            {"action":"scale","actor":{"auth":"internal","id":"transcode@7","ip":"192.0.2.7","kind":"policy","session":"s-1"},\
            "after":{"note":"größer \\"6\\"\\n","replicas":6},"before":{"replicas":4},"cause":{"rule":"queue"},\
            "correlation":{"decision_id":"d-17","parent_id":"0197aaaa-bbbb-7ccc-8ddd-000000000009","request_id":"r-1",\
            "trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"},"decision":{"from":4,"id":"d-17","to":6},"epoch":"41",\
            "id":"0197aaaa-bbbb-7ccc-8ddd-000000000001","integrated_at":"2026-05-28T20:26:40.123456Z","leader":"a",\
            "occurred_at":"2026-05-28T20:26:40.124456Z",\
            "origin":{"boot_id":"0197aaaa-0000-7000-8000-00000000000a","node":"a","nseq":3},\
            "outcome":{"code":"timeout","latency_us":2000,"reason":"no answer","status":"failure"},"reverts":[3,1],\
            "schema":"audit.v1","seq":0,"severity":"info",\
            "subject":{"id":"transcode/eu-west","kind":"workload","version":7},"type":"decision.proposed"}
            """
        #expect(String(decoding: event.leaf, as: UTF8.self) == text)
        #expect(event.leafHash == TreeHash.leaf(Array(text.utf8)))
        #expect(event.seq == 0)
        #expect(event.decisionID == "d-17")
        #expect(event.subjectID == "transcode/eu-west")
        #expect(event.actorID == "transcode@7")
    }

    @Test("sealing the same drafts onto the same state gives the same bytes")
    func deterministic() throws {
        let first = try Sample.log(100)
        let second = try Sample.log(100)
        #expect(first.rows == second.rows)
        #expect(first.head == second.head)
    }

    @Test("one batch or many, the tree is that of all leaves in order")
    func batches() throws {
        let log = try Sample.log(100)
        #expect(log.rows.map(\.seq) == (0..<100).map(Int64.init))
        #expect(log.head.size == 100)
        #expect(log.head.root == NaiveTree.root(log.rows.map(\.leaf)[...]))
        #expect(log.head.frontier.root == log.head.root)
    }

    @Test("no drafts leave the log as it is")
    func nothing() throws {
        let head = try Sample.log(10).head
        let sealed = try Sealer.seal([], onto: head, epoch: Epoch(99), leader: "a", now: Sample.start + .seconds(99))
        #expect(sealed.events.isEmpty)
        #expect(sealed.state == head)
    }

    @Test("time in the log never goes back, whatever the clock does")
    func monotoneTime() throws {
        let first = try Sealer.seal(
            [Sample.draft(1, nseq: 1)], onto: TreeState(origin: "o"), epoch: Epoch(1), leader: "a", now: Sample.start)
        let second = try Sealer.seal(
            [Sample.draft(2, nseq: 2)], onto: first.state, epoch: Epoch(1), leader: "a", now: Sample.start - .seconds(60))
        #expect(second.events[0].integratedAt == Sample.start)
        #expect(second.state.integratedAt == Sample.start)
        let third = try Sealer.seal(
            [Sample.draft(3, nseq: 3)], onto: second.state, epoch: Epoch(1), leader: "a", now: Sample.start + .seconds(1))
        #expect(third.state.integratedAt == Sample.start + .seconds(1))
    }

    @Test("a replaced leader seals nothing")
    func staleEpoch() throws {
        let head = try Sample.log(100).head
        #expect(throws: LedgerError.staleEpoch(Epoch(4), newest: Epoch(5))) {
            try Sealer.seal([Sample.draft(1000, nseq: 1)], onto: head, epoch: Epoch(4), leader: "b", now: Sample.start)
        }
    }

    @Test("an id that is not a UUID, and a batch without end, are refused with a reason")
    func refusals() throws {
        var draft = Sample.draft(1, nseq: 1)
        draft.id = "event-1"
        #expect(throws: LedgerError.malformedID("event-1")) { try Self.seal(draft) }
        let many = [EventDraft](repeating: Sample.draft(1, nseq: 1), count: Sealer.maximumBatch + 1)
        #expect(throws: LedgerError.batchTooLarge(count: Sealer.maximumBatch + 1)) {
            try Sealer.seal(many, onto: TreeState(origin: "o"), epoch: Epoch(1), leader: "a", now: Sample.start)
        }
        draft.id = Sample.id(0xABC).uppercased()
        #expect(try Self.seal(draft).id == Sample.id(0xABC))
    }

    @Test("a head goes through the database and comes back; a damaged one is refused")
    func headRoundTrip() throws {
        for count in [0, 1, 2, 7, 50] {
            let head = try Sample.log(count).head
            let stored = StoredHead(head)
            func read(size: Int64, root: [UInt8], frontier: [UInt8]) throws(LedgerError) -> TreeState {
                try TreeState(
                    origin: head.origin, size: size, root: root, frontier: frontier, epoch: Epoch(stored.epoch),
                    integratedAt: stored.integratedAt)
            }
            #expect(try read(size: stored.size, root: stored.root, frontier: stored.frontier) == head)
            #expect(throws: LedgerError.self) {
                try read(size: stored.size ^ 1, root: stored.root, frontier: stored.frontier)
            }
            var root = stored.root
            root[31] ^= 1
            #expect(throws: LedgerError.self) { try read(size: stored.size, root: root, frontier: stored.frontier) }
            guard count > 0 else { continue }
            var frontier = stored.frontier
            frontier[0] ^= 0x80
            #expect(throws: LedgerError.self) { try read(size: stored.size, root: stored.root, frontier: frontier) }
        }
    }

    @Test("every type of manifest change has its event")
    func manifestTypes() {
        for kind in Manifest.Kind.allCases {
            for change in EventType.ManifestChange.allCases {
                #expect(EventType.manifest(kind, change).rawValue == "\(kind.rawValue.lowercased()).\(change.rawValue)")
            }
        }
    }
}

@Suite struct LeafLimitTests {
    static func leaf(_ draft: EventDraft) throws -> (event: SealedEvent, json: JSON) {
        let event = try SealerTests.seal(draft)
        return (event, try JSON(parsing: event.leaf))
    }

    /// What any sealed event must be, however strange its draft.
    static func expectSound(_ event: SealedEvent, _ state: TreeState) {
        #expect(event.leaf.count <= LeafFormat.maximumBytes)
        let verdict = Verifier.judge([StoredEvent(event)], StoredHead(state))
        #expect(verdict == .ok(size: 1, root: state.root), "\(verdict.reason)")
    }

    @Test("an attachment up to the limit stands in the leaf, a larger one is replaced by its hash and size")
    func attachmentLimit() throws {
        // The quotes count.
        for (length, fits) in [(LeafFormat.maximumAttachmentBytes - 2, true), (LeafFormat.maximumAttachmentBytes - 1, false)] {
            var draft = Sample.draft(1, nseq: 1)
            let text = JSON.string(String(repeating: "x", count: length))
            draft.after = text
            let (_, json) = try Self.leaf(draft)
            if fits {
                #expect(json["after"] == text)
                #expect(json["truncated"] == nil)
            } else {
                #expect(json["after"]?["bytes"] == .int(Int64(length + 2)))
                #expect(json["after"]?["sha256"]?.stringValue?.count == 64)
                #expect(json["truncated"] == true)
            }
            #expect(json["before"] == draft.before)
        }
    }

    @Test("four attachments that fit alone and not together: the largest gives way")
    func attachmentsTogether() throws {
        func text(_ length: Int) -> JSON { .string(String(repeating: "x", count: length)) }
        var draft = Sample.draft(1, nseq: 1)
        draft.before = text(16_300)
        draft.after = text(16_301)
        draft.decision = text(16_302)
        draft.cause = text(16_303)
        draft.outcome.reason = String(repeating: "y", count: 4000)
        let (event, json) = try Self.leaf(draft)
        #expect(event.leaf.count <= LeafFormat.maximumBytes)
        #expect(json["cause"]?["bytes"] == 16_305)
        #expect(json["decision"] == draft.decision)
        #expect(json["after"] == draft.after)
        #expect(json["before"] == draft.before)
        #expect(json["truncated"] == true)
    }

    @Test("the most expensive event there can be still has a leaf that verifies")
    func worstCase() throws {
        // A control character takes six bytes in JSON.
        let costly = String(repeating: "\u{1}", count: 100_000)
        let large = JSON.array([JSON](repeating: .string(costly), count: 3))
        let draft = EventDraft(
            id: Sample.id(1), type: .decisionOutcomeUnknown, severity: .critical,
            occurredAt: Sample.start, origin: .init(node: costly, bootID: costly, nseq: 1),
            actor: .init(kind: .inboundWebhook, id: costly, auth: .internal, session: costly, ip: costly), action: .rollback,
            outcome: .init(status: .unknown, code: costly, reason: costly, latency: .seconds(Int64.max)),
            subject: .init(kind: .connection, id: costly, version: .max), before: large, after: large, decision: large,
            cause: large, correlation: .init(traceID: costly, requestID: costly, parentID: costly, decisionID: costly),
            reverts: [Int64](repeating: -Int64.max, count: 5000))
        let event = try Sealer.seal([draft], onto: TreeState(origin: "o"), epoch: Epoch(.max), leader: costly, now: Sample.start)
            .events[0]
        #expect(event.leaf.count <= LeafFormat.maximumBytes / 2)
        let json = try JSON(parsing: event.leaf)
        #expect(json["truncated"] == true)
        #expect(json["reverts"]?.arrayValue?.count == LeafFormat.maximumReverts)
        #expect(json["subject"]?["id"]?.stringValue == event.subjectID)
        #expect(json["subject"]?["version"] == .int(LeafFormat.maximumInteger))
    }

    @Test("whatever a draft holds, its leaf is within the limits and verifies", arguments: [11, 12, 13] as [UInt64])
    func anyDraft(seed: UInt64) throws {
        var generator = Seeded(seed: seed)
        for round in 0..<60 {
            var draft = Sample.draft(round, nseq: 1)
            draft.actor.id = Self.text(&generator)
            draft.subject.id = Self.text(&generator)
            draft.correlation.decisionID = Self.text(&generator)
            draft.outcome.reason = Self.text(&generator)
            draft.origin.node = Self.text(&generator)
            draft.before = Self.document(&generator, depth: 5)
            draft.after = Self.document(&generator, depth: 40)
            draft.cause = Self.document(&generator, depth: 2)
            let sealed = try Sealer.seal(
                [draft], onto: TreeState(origin: "o"), epoch: Epoch(1), leader: Self.text(&generator), now: Sample.start)
            let verdict = Verifier.judge(sealed.events.map { StoredEvent($0) }, StoredHead(sealed.state))
            #expect(verdict.isOK, "seed \(seed), round \(round): \(verdict.reason)")
            #expect(sealed.events[0].leaf.count <= LeafFormat.maximumBytes, "seed \(seed), round \(round)")
            #expect(try JSON(parsing: sealed.events[0].leaf).canonical() == sealed.events[0].leaf, "seed \(seed), round \(round)")
        }
    }

    static func text(_ generator: inout Seeded) -> String {
        let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "\u{0}", "\u{1F}", "\n", "é", "e\u{301}".unicodeScalars.last!, "\u{FB33}", "\u{1F600}", "\u{10FFFF}"]
        let count = Bool.random(using: &generator) ? Int.random(in: 0...20, using: &generator) : Int.random(in: 0...6000, using: &generator)
        return String(String.UnicodeScalarView((0..<count).map { _ in scalars[Int.random(in: 0..<scalars.count, using: &generator)] }))
    }

    static func document(_ generator: inout Seeded, depth: Int) -> JSON {
        switch Int.random(in: 0...(depth > 0 ? 8 : 5), using: &generator) {
        case 0: .null
        case 1: .bool(.random(using: &generator))
        case 2: .int(.random(in: .min ... .max, using: &generator))
        case 3: .double(Double(bitPattern: generator.next()))
        case 4, 5: .string(String(Self.text(&generator).prefix(30)))
        case 6:
            .object(
                Dictionary(
                    (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                        (String(Self.text(&generator).prefix(3)), Self.document(&generator, depth: depth - 1))
                    }, uniquingKeysWith: { $1 }))
        default: .array((0..<Int.random(in: 1...2, using: &generator)).map { _ in Self.document(&generator, depth: depth - 1) })
        }
    }

    @Test("a long identifier keeps its start and ends in its hash, so that two of them stay different")
    func longIdentifiers() throws {
        let start = String(repeating: "p", count: 1000)
        var draft = Sample.draft(1, nseq: 1)
        draft.subject.id = start + "1"
        let first = try Self.leaf(draft).event
        draft.subject.id = start + "2"
        let second = try Self.leaf(draft).event
        #expect(first.subjectID != second.subjectID)
        #expect(first.subjectID.utf8.count == LeafFormat.maximumIdentifierBytes)
        #expect(first.subjectID.hasPrefix("ppp"))
    }

    @Test("text that becomes a column holds no NUL, which the database would refuse")
    func noNUL() throws {
        var draft = Sample.draft(1, nseq: 1)
        draft.actor.id = "a\u{0}b"
        let (event, json) = try Self.leaf(draft)
        #expect(event.actorID == "a\u{FFFD}b")
        #expect(json["actor"]?["id"]?.stringValue == "a\u{FFFD}b")
    }

    @Test("numbers that readers would read differently are written as decimal strings")
    func exactNumbers() throws {
        var draft = Sample.draft(1, nseq: 1)
        draft.after = [
            "max": .int(9_007_199_254_740_991), "min": .int(-9_007_199_254_740_991), "over": .int(9_007_199_254_740_992),
            "under": .int(.min), "fraction": .double(0.5), "whole": .double(3), "small": .double(1e-7), "nan": .double(.nan),
            "infinite": .double(-.infinity), "list": [.double(1.25)],
        ]
        let after = try #require(try Self.leaf(draft).json["after"])
        #expect(
            after == [
                "max": .int(9_007_199_254_740_991), "min": .int(-9_007_199_254_740_991), "over": "9007199254740992",
                "under": "-9223372036854775808", "fraction": "0.5", "whole": "3", "small": "1e-7", "nan": "NaN",
                "infinite": "-Infinity", "list": ["1.25"],
            ])
    }

    @Test("keys are in the order of their UTF-16 code units: U+1F600 before U+FB33")
    func keyOrder() throws {
        var draft = Sample.draft(1, nseq: 1)
        draft.after = ["\u{FB33}": 1, "\u{1F600}": 2]
        let sealed = try Sealer.seal([draft], onto: TreeState(origin: "o"), epoch: Epoch(1), leader: "a", now: Sample.start)
        let text = String(decoding: sealed.events[0].leaf, as: UTF8.self)
        #expect(text.contains("{\"\u{1F600}\":2,\"\u{FB33}\":1}"))
        Self.expectSound(sealed.events[0], sealed.state)
        // In UTF-8 order it is another text of the same value, and refused.
        var row = StoredEvent(sealed.events[0])
        row.leaf = Array(text.replacing("{\"\u{1F600}\":2,\"\u{FB33}\":1}", with: "{\"\u{FB33}\":1,\"\u{1F600}\":2}").utf8)
        let forged = Sample.forge([row])
        #expect(Verifier.judge(forged.rows, forged.head).reason.contains("out of order"))
    }

    @Test("an attachment that is nested too deep for a reader is replaced by its hash")
    func depth() throws {
        func nested(_ levels: Int) -> JSON { (0..<levels).reduce(.int(1)) { inner, _ in .array([inner]) } }
        var draft = Sample.draft(1, nseq: 1)
        draft.cause = nested(LeafFormat.maximumAttachmentDepth)
        let kept = try Sealer.seal([draft], onto: TreeState(origin: "o"), epoch: Epoch(1), leader: "a", now: Sample.start)
        Self.expectSound(kept.events[0], kept.state)
        #expect(try JSON(parsing: kept.events[0].leaf)["cause"] == draft.cause)
        draft.cause = nested(LeafFormat.maximumAttachmentDepth + 1)
        let cut = try Sealer.seal([draft], onto: TreeState(origin: "o"), epoch: Epoch(1), leader: "a", now: Sample.start)
        Self.expectSound(cut.events[0], cut.state)
        #expect(try JSON(parsing: cut.events[0].leaf)["cause"]?["sha256"] != nil)
    }
}
