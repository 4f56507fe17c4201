@testable import Ledger
import Model
import SeededRandom
import Testing

@Suite struct VerifierTests {
    @Test("an honest log is ok, with its size and root", arguments: [0, 1, 2, 50, 300])
    func honest(count: Int) throws {
        let log = try Sample.log(count)
        let head = StoredHead(log.head)
        #expect(Verifier.judge(log.rows, head) == .ok(size: Int64(count), root: log.head.root))
        #expect(NaiveVerifier.firstBad(log.rows, head) == nil)
    }

    @Test("every single flipped bit of the leaves is found, and the event is named")
    func flippedLeafBits() throws {
        let log = try Sample.log(50)
        var verifier = Verifier()
        for row in log.rows {
            var changed = row
            for index in row.leaf.indices {
                for bit in 0..<8 {
                    changed.leaf[index] = row.leaf[index] ^ 1 << UInt8(bit)
                    var judge = verifier
                    let verdict = judge.check(changed) ? nil : judge.verdict(head: nil)
                    if verdict?.firstBadSeq != row.seq { Issue.record("event \(row.seq), byte \(index), bit \(bit): \(verdict?.reason ?? "passed")") }
                }
                changed.leaf[index] = row.leaf[index]
            }
            #expect(verifier.check(row) == true)
        }
        #expect(verifier.verdict(head: StoredHead(log.head)).isOK)
    }

    @Test("every single flipped bit of the columns and hashes is found, and the event is named")
    func flippedColumnBits() throws {
        let log = try Sample.log(50)
        var verifier = Verifier()
        for (index, row) in log.rows.enumerated() {
            // Every fourth event: that is each type, on each node.
            for changed in index % 4 == 0 ? Self.flips(of: row) : [] {
                var judge = verifier
                let verdict = judge.check(changed) ? nil : judge.verdict(head: nil)
                if verdict?.firstBadSeq != row.seq { Issue.record("\(changed): \(verdict?.reason ?? "passed")") }
            }
            verifier.check(row)
        }
    }

    private static func flips(of row: StoredEvent) -> [StoredEvent] {
        var all: [StoredEvent] = []
        func change(_ edit: (inout StoredEvent) -> Void) {
            var changed = row
            edit(&changed)
            all.append(changed)
        }
        for bit in 0..<64 {
            change { $0.seq ^= 1 << bit }
            change { $0.epoch ^= 1 << bit }
            change { $0.integratedAt.microseconds ^= 1 << bit }
        }
        for index in row.leafHash.indices { for bit in 0..<8 { change { $0.leafHash[index] ^= 1 << bit } } }
        for column in [\.id, \.type, \.severity, \.actorID, \.subjectID] as [WritableKeyPath<StoredEvent, String>] {
            for text in Self.flips(of: row[keyPath: column]) { change { $0[keyPath: column] = text } }
        }
        if let decision = row.decisionID {
            for text in Self.flips(of: decision) { change { $0.decisionID = text } }
            change { $0.decisionID = nil }
        } else {
            change { $0.decisionID = "d-1" }
            change { $0.decisionID = "" }
        }
        change { $0.leafHash.removeLast() }
        change { $0.leafHash = [] }
        change { $0.leaf = [] }
        return all
    }

    /// Bytes that are no UTF-8 any more become U+FFFD, as a database client would show them.
    private static func flips(of text: String) -> [String] {
        let bytes = Array(text.utf8)
        return bytes.indices.flatMap { index in
            (0..<8).map { bit in
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                return String(decoding: changed, as: UTF8.self)
            }
        }
    }

    @Test("every single flipped bit of the head is found")
    func flippedHeadBits() throws {
        let log = try Sample.log(50)
        let head = StoredHead(log.head)
        var verifier = Verifier()
        for row in log.rows { verifier.check(row) }
        var heads: [StoredHead] = []
        func change(_ edit: (inout StoredHead) -> Void) {
            var changed = head
            edit(&changed)
            heads.append(changed)
        }
        for bit in 0..<64 {
            change { $0.size ^= 1 << bit }
            change { $0.integratedAt.microseconds ^= 1 << bit }
        }
        for index in head.root.indices { for bit in 0..<8 { change { $0.root[index] ^= 1 << bit } } }
        for index in head.frontier.indices { for bit in 0..<8 { change { $0.frontier[index] ^= 1 << bit } } }
        change { $0.epoch = 1 }
        for changed in heads { #expect(verifier.verdict(head: changed).isTampered, "\(changed)") }
        // A leader that was elected and has written nothing may have raised it.
        var raised = head
        raised.epoch += 1
        #expect(verifier.verdict(head: raised).isOK)
    }

    @Test("an event that was deleted, repeated, inserted or swapped is found where it happened")
    func rearranged() throws {
        let log = try Sample.log(50)
        let head = StoredHead(log.head)
        // The rows before the change are the same each time.
        var before = Verifier()
        func firstBad(_ rows: [StoredEvent], from index: Int) -> Int64? {
            var judge = before
            for row in rows[index...] where !judge.check(row) { break }
            return judge.verdict(head: head).firstBadSeq
        }
        for (index, row) in log.rows.enumerated() {
            var deleted = log.rows
            deleted.remove(at: index)
            #expect(firstBad(deleted, from: index) == Int64(index))

            var repeated = log.rows
            repeated.insert(row, at: index + 1)
            #expect(firstBad(repeated, from: index) == Int64(index) + 1)

            var inserted = log.rows
            inserted.insert(log.rows[(index + 7) % 50], at: index)
            #expect(firstBad(inserted, from: index) == Int64(index))

            for other in log.rows.indices where other > index {
                var swapped = log.rows
                swapped.swapAt(index, other)
                #expect(firstBad(swapped, from: index) == Int64(index))
            }
            before.check(row)
        }
    }

    @Test("events moved along with their numbers are found")
    func renumbered() throws {
        let log = try Sample.log(50)
        let head = StoredHead(log.head)
        for index in 0..<49 {
            // The columns close the gap; the leaves still know their place.
            var deleted = log.rows
            deleted.remove(at: index)
            for place in deleted.indices { deleted[place].seq = Int64(place) }
            #expect(Verifier.judge(deleted, head).firstBadSeq == Int64(index))

            var swapped = log.rows
            swapped.swapAt(index, index + 1)
            swapped[index].seq = Int64(index)
            swapped[index + 1].seq = Int64(index + 1)
            #expect(Verifier.judge(swapped, head).firstBadSeq == Int64(index))
        }
    }

    @Test("a log that was cut off, or that has more than its head, is found")
    func truncated() throws {
        let log = try Sample.log(50)
        let head = StoredHead(log.head)
        for count in 0..<50 {
            #expect(Verifier.judge(Array(log.rows[..<count]), head).firstBadSeq == Int64(count))
            let earlier = StoredHead(try Sample.log(count).head)
            #expect(Verifier.judge(log.rows, earlier).firstBadSeq == Int64(count))
        }
    }

    @Test("a leaf that was replaced together with its hash is found by the tree", arguments: [21, 22] as [UInt64])
    func replacedWithHash(seed: UInt64) throws {
        let log = try Sample.log(50)
        var generator = Seeded(seed: seed)
        for _ in 0..<150 {
            var rows = log.rows
            let index = Int.random(in: rows.indices, using: &generator)
            let byte = Int.random(in: rows[index].leaf.indices, using: &generator)
            rows[index].leaf[byte] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            rows[index].leafHash = TreeHash.leaf(rows[index].leaf).bytes
            #expect(Verifier.judge(rows, StoredHead(log.head)).isTampered, "seed \(seed), event \(index), byte \(byte)")
        }
    }

    @Test("without a head nothing is said to be ok")
    func noHead() throws {
        let log = try Sample.log(5)
        guard case .incomplete = Verifier.judge(log.rows, nil) else {
            Issue.record("a log without a head was judged")
            return
        }
    }

    @Test("after the first bad row the verdict stays, whatever follows")
    func sticky() throws {
        let log = try Sample.log(10)
        var verifier = Verifier()
        for row in log.rows[..<3] { #expect(verifier.check(row) == true) }
        #expect(verifier.check(log.rows[5]) == false)
        #expect(verifier.check(log.rows[3]) == false)
        #expect(verifier.checked == 3)
        #expect(verifier.verdict(head: StoredHead(log.head)).firstBadSeq == 3)
    }

    @Test("another spelling of the same letters in a column is a difference")
    func unicodeSpelling() throws {
        var draft = Sample.draft(1, nseq: 1)
        draft.actor.id = "Rene\u{301}e"
        let sealed = try Sealer.seal([draft], onto: TreeState(origin: "o"), epoch: Epoch(1), leader: "a", now: Sample.start)
        var row = StoredEvent(sealed.events[0])
        #expect(Verifier.judge([row], StoredHead(sealed.state)).isOK)
        row.actorID = "Ren\u{E9}e"
        // As Swift strings the two are equal.
        #expect(row.actorID == sealed.events[0].actorID)
        #expect(Verifier.judge([row], StoredHead(sealed.state)).reason.contains("actor_id"))
    }
}
