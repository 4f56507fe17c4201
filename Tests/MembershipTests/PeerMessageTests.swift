import Model
import SeededRandom
import Testing

@testable import Membership

@Suite struct PeerMessageTests {
    @Test("each kind comes back as it was sent", arguments: PeerMessage.bodies)
    func kinds(body: PeerMessage.Body) throws {
        let message = PeerMessage.sample(body)
        #expect(try PeerMessage(decoding: message.encoded()) == message)
    }

    @Test("any message comes back as it was sent, as JSON that the strict parser takes")
    func roundTrip() throws {
        for seed in UInt64(1)...400 {
            var generator = Seeded(seed: seed)
            let message = PeerMessage.random(using: &generator)
            let bytes = message.encoded()
            #expect(try PeerMessage(decoding: bytes) == message, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test("pings and acks are read where they stand, without a tree of JSON, when they hold nothing unusual", arguments: [0, 1])
    func readInPlace(kind: Int) {
        for (leader, roundTrip, certificate) in [("a", Int64?(310), Int64?(1_790_000_000)), (nil, nil, nil)] as [(String?, Int64?, Int64?)] {
            var facts = NodeFacts.well
            facts.leaderSeen = leader
            facts.postgres = .init(reachable: leader != nil, roundTripMicroseconds: roundTrip, lastAnswerAgeMilliseconds: roundTrip)
            facts.certificateNotAfter = certificate
            var message = PeerMessage.sample(kind == 0 ? .ping(facts) : .ack(requestID: 9, receivedMono: 5, facts: facts))
            message.requestID = UInt64(Int64.max)
            #expect(message.encoded().withUnsafeBufferPointer(ProbeReader.message(in:)) == message)
        }
    }

    @Test("what is read where it stands is what the JSON parser reads, whichever bytes are changed, left out or added")
    func sameReading() {
        var inPlace = 0
        for seed in UInt64(1)...3000 {
            var generator = Seeded(seed: seed)
            var facts = NodeFacts.well
            facts.loopLagMilliseconds = Int64(generator.next() >> UInt64.random(in: 20...63, using: &generator))
            let body = Bool.random(using: &generator) ? PeerMessage.Body.ping(facts) : .ack(requestID: 9, receivedMono: 5, facts: facts)
            var bytes = Bool.random(using: &generator) ? PeerMessage.sample(body).encoded() : PeerMessage.random(using: &generator).encoded()
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                let byte = "0123456789-.eE\"\\{}[],: a\u{7F}\u{1}".utf8.randomElement(using: &generator) ?? 0
                switch generator.next() % 3 {
                case 0: bytes[place] = byte
                case 1: bytes.remove(at: place)
                default: bytes.insert(byte, at: place)
                }
            }
            guard let message = bytes.withUnsafeBufferPointer(ProbeReader.message(in:)) else { continue }
            inPlace += 1
            let parsed = try? PeerMessage(parsing: bytes)
            #expect(parsed == message, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(inPlace > 500, "\(inPlace)")
    }

    @Test("fields that are not known are ignored, and an unknown kind is reported as such")
    func newerNodes() throws {
        var fields = try #require(JSON(parsing: PeerMessage.sample(.ping(.well)).encoded()).objectValue)
        fields["v"] = 2
        fields["colour"] = ["deep": ["red": [1, 2]]]
        #expect(try PeerMessage(decoding: JSON.object(fields).canonical()) == .sample(.ping(.well)))
        fields["kind"] = "teleport"
        #expect(try PeerMessage(decoding: JSON.object(fields).canonical()).body == .unknown(kind: "teleport"))
        var facts = try #require(fields["facts"]?.objectValue)
        facts["role"] = "astronaut"
        fields["facts"] = .object(facts)
        fields["kind"] = "ping"
        #expect(try PeerMessage(decoding: JSON.object(fields).canonical()).body.facts?.role == .unknown)
    }

    @Test("an unknown verdict is no promise")
    func unknownVerdict() throws {
        let promise = PeerMessage.sample(.promise(requestID: 4, token: FencingToken(timeline: 1, epoch: Epoch(2)), incarnation: "p", verdict: .never))
        var fields = try #require(JSON(parsing: promise.encoded()).objectValue)
        fields["verdict"] = "probably"
        guard case .promise(_, _, _, .refused) = try PeerMessage(decoding: JSON.object(fields).canonical()).body else {
            Issue.record("it was taken for a promise")
            return
        }
    }

    /// A field of an ack with a value that can't be, and where the error must point.
    private static let wrong: [(path: [String], value: JSON?, pointer: String)] = [
        (["v"], 0, "/v"), (["v"], "1", "/v"), (["v"], nil, "/v"), (["kind"], nil, "/kind"), (["kind"], "", "/kind"), (["from"], 3, "/from"),
        (["from"], "", "/from"), (["to"], .string(String(repeating: "x", count: 129)), "/to"), (["boot"], nil, "/boot"),
        (["boot"], "a\u{1}b", "/boot"), (["incarnation"], -1, "/incarnation"), (["incarnation"], .double(1.5), "/incarnation"),
        (["incarnation"], .double(1e19), "/incarnation"), (["seq"], 0, "/seq"), (["req"], -5, "/req"), (["mono"], -1, "/mono"),
        (["wall"], -1, "/wall"), (["wall"], 253_402_300_800_000_000, "/wall"), (["answers"], nil, "/answers"), (["received"], true, "/received"),
        (["facts"], nil, "/facts"), (["facts"], [], "/facts"), (["facts", "epoch"], .int(1 << 40), "/facts/epoch"),
        (["facts", "timeline"], .int(1 << 31), "/facts/timeline"), (["facts", "pg", "reachable"], 1, "/facts/pg/reachable"),
        (["facts", "pg", "rttUs"], -1, "/facts/pg/rttUs"), (["facts", "lagMs"], .int(1 << 60), "/facts/lagMs"),
        (["facts", "certEnd"], "soon", "/facts/certEnd"), (["facts", "lhm"], 65, "/facts/lhm"),
        (["facts", "suspects"], [["node": "x"]], "/facts/suspects/0/incarnation"), (["facts", "suspects"], 4, "/facts/suspects"),
        (["facts", "suspects"], .array(Array(repeating: ["node": "x", "incarnation": 1], count: 65)), "/facts/suspects"),
        (["facts", "version"], .string(String(repeating: "v", count: 256)), "/facts/version"),
    ]

    private static func replace(_ json: JSON, _ path: ArraySlice<String>, _ value: JSON?) -> JSON {
        guard let name = path.first, var fields = json.objectValue else { return json }
        fields[name] = path.count == 1 ? value : Self.replace(fields[name] ?? .null, path.dropFirst(), value)
        return .object(fields)
    }

    @Test("what can't be is refused with the field's name", arguments: Self.wrong.indices)
    func wrongFields(index: Int) throws {
        let (path, value, pointer) = Self.wrong[index]
        let good = try JSON(parsing: PeerMessage.sample(.ack(requestID: 9, receivedMono: 5, facts: .well)).encoded())
        let bad = Self.replace(good, path[...], value)
        let error = #expect(throws: PeerMessageError.self) { try PeerMessage(decoding: bad.canonical()) }
        #expect(error?.field == pointer)
        #expect(error?.description.contains(pointer) == true)
    }

    @Test("what is too long, no JSON, or nested without end is refused")
    func garbage() {
        let long = [UInt8](repeating: UInt8(ascii: " "), count: PeerMessage.maximumBytes + 1)
        #expect(throws: PeerMessageError.self) { try PeerMessage(decoding: long) }
        for text in ["", "GET / HTTP/1.1\r\n", "[]", "null", "{", "{\"v\":1,\"v\":1}", String(repeating: "[", count: 5000)] {
            #expect(throws: PeerMessageError.self) { try PeerMessage(decoding: Array(text.utf8)) }
        }
        for seed in UInt64(1)...300 {
            var generator = Seeded(seed: seed)
            var bytes = PeerMessage.random(using: &generator).encoded()
            bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            bytes.removeLast(Int.random(in: 0...3, using: &generator))
            // Refused, or understood as something that can be written again: never a crash.
            if let message = try? PeerMessage(decoding: bytes) { #expect(message.encoded().isEmpty == false, "seed \(seed)") }
        }
    }

    @Test("a report of fitness fits a frame at its longest; one with too many or nameless entries is refused")
    func fitness() throws {
        let name = String(repeating: "n", count: PeerMessage.maximumName)
        let names = Array(repeating: name, count: 40)
        let bytes = PeerMessage.sample(.fitness(.init(asks: true, reached: names, missed: names, forMilliseconds: -1)), from: name, to: name).encoded()
        #expect(bytes.count <= PeerMessage.maximumBytes)
        guard case .fitness(let report) = try PeerMessage(decoding: bytes).body else {
            Issue.record("it is no report")
            return
        }
        #expect(report.reached.count == PeerMessage.FitnessReport.most && report.missed.count == PeerMessage.FitnessReport.most)
        #expect(report.forMilliseconds == 0)
        let good = try JSON(parsing: bytes)
        let many = JSON.array(Array(repeating: ["name": "x"], count: PeerMessage.FitnessReport.most + 1))
        let wrong: [(JSON, String)] = [(many, "/missed"), ([["name": ""]], "/missed/0/name"), (["x"], "/missed/0"), (3, "/missed")]
        for (value, pointer) in wrong {
            let error = #expect(throws: PeerMessageError.self) { try PeerMessage(decoding: Self.replace(good, ["missed"], value).canonical()) }
            #expect(error?.field == pointer)
        }
    }

    @Test("the longest message fits a frame, and figures beyond their range are cut to it")
    func longest() throws {
        var facts = NodeFacts.well
        let name = String(repeating: "n", count: PeerMessage.maximumName)
        facts.suspects = (0..<80).map { _ in .init(node: name, incarnation: .max) }
        facts.version = String(repeating: "€", count: 300)
        facts.loopLagMilliseconds = -3
        facts.epochSeen = Epoch(.max)
        var message = PeerMessage.sample(.ack(requestID: .max, receivedMono: -1, facts: facts), from: name, to: name)
        message.bootID = name
        let bytes = message.encoded()
        #expect(bytes.count <= PeerMessage.maximumBytes)
        let back = try PeerMessage(decoding: bytes)
        #expect(back.body.facts?.suspects.count == PeerMessage.maximumSuspects)
        #expect(back.body.facts?.loopLagMilliseconds == 0)
        #expect(back.body.facts?.version.utf8.count == 255)
    }
}

@Suite struct FrameDecoderTests {
    @Test("frames come out whole, however the bytes were cut")
    func anyCut() throws {
        for seed in UInt64(1)...100 {
            var generator = Seeded(seed: seed)
            let payloads = (0..<6).map { _ in (0..<Int.random(in: 1...300, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) } }
            var rest = payloads.flatMap(FrameDecoder.frame)[...]
            var decoder = FrameDecoder()
            var received: [[UInt8]] = []
            while !rest.isEmpty {
                let count = min(rest.count, Int.random(in: 1...200, using: &generator))
                received += try decoder.append(rest.prefix(count)).map(Array.init)
                rest = rest.dropFirst(count)
            }
            #expect(received == payloads, "seed \(seed)")
            #expect(decoder.buffered == 0)
        }
    }

    @Test("a length of zero or above the limit ends the stream at once and for good", arguments: [0, 101, UInt32.max])
    func badLength(length: UInt32) {
        var decoder = FrameDecoder(limit: 100)
        let header = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) }
        let failure = FrameDecoder.Failure(length: length, limit: 100)
        #expect(throws: failure) { try decoder.append(header) }
        #expect(throws: failure) { try decoder.append(FrameDecoder.frame([1])) }
        #expect(decoder.buffered == 0)
    }

    @Test("the limit itself is allowed, and an unfinished frame is all that is kept")
    func limit() throws {
        var decoder = FrameDecoder(limit: 100)
        let frame = FrameDecoder.frame([UInt8](repeating: 7, count: 100))
        #expect(try decoder.append(frame + frame.prefix(50)).count == 1)
        #expect(decoder.buffered == 50)
    }
}

@Suite struct ReplayGuardTests {
    @Test("numbers must rise within a process, and an earlier process never comes back")
    func rising() {
        var replay = ReplayGuard()
        #expect(replay.judge(bootID: "x", sequence: 5) == .newBoot)
        #expect(replay.judge(bootID: "x", sequence: 5) == .replayed)
        #expect(replay.judge(bootID: "x", sequence: 4) == .replayed)
        #expect(replay.judge(bootID: "x", sequence: 6) == .fresh)
        #expect(replay.judge(bootID: "y", sequence: 1) == .newBoot)
        #expect(replay.judge(bootID: "x", sequence: 6) == .replayed)
        #expect(replay.judge(bootID: "x", sequence: 7) == .earlierBootAlive)
        #expect(replay.judge(bootID: "x", sequence: 7) == .replayed)
        #expect(replay.judge(bootID: "y", sequence: 2) == .fresh)
        #expect(replay.bootID == "y")
    }

    @Test("what it remembers is bounded")
    func bounded() {
        var replay = ReplayGuard()
        for number in 0..<100 { #expect(replay.judge(bootID: "boot \(number)", sequence: 1) == .newBoot) }
        #expect(replay.judge(bootID: "boot \(99 - ReplayGuard.rememberedBoots)", sequence: 1) == .replayed)
    }
}
