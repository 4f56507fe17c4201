import Model
import SeededRandom

@testable import Membership

extension Instant {
    static func ms(_ value: Int64) -> Instant { Instant(nanoseconds: value * 1_000_000) }
}

extension NodeFacts {
    static let well = NodeFacts(
        role: .follower, epochSeen: Epoch(7), timelineSeen: 1, leaderSeen: "a", version: "1.2.3",
        postgres: .init(reachable: true, roundTripMicroseconds: 310, lastAnswerAgeMilliseconds: 40), loopLagMilliseconds: 1,
        certificateNotAfter: 1_790_000_000, started: WallTime(microseconds: 1_780_000_000_000_000))
}

extension PeerMessage {
    static func sample(_ body: Body, sequence: UInt64 = 1, boot: String = "boot-b", from: String = "b", to: String = "a", incarnation: UInt64 = 5)
        -> PeerMessage
    {
        PeerMessage(
            from: from, to: to, bootID: boot, incarnation: incarnation, sequence: sequence, requestID: 77, sentMono: 1_000_000,
            wall: WallTime(microseconds: 1_780_000_000_000_000), body: body)
    }

    /// One of each kind that is written.
    static let bodies: [Body] = [
        .ping(.well), .ack(requestID: 9, receivedMono: 5, facts: .well), .pingRequest(target: "c"),
        .indirectAck(requestID: 3, target: "c", reached: true), .fence(token: FencingToken(timeline: 3, epoch: Epoch(9)), leader: "some process"),
        .promise(requestID: 4, token: FencingToken(timeline: 3, epoch: Epoch(9)), incarnation: "p", verdict: .never),
        .promise(requestID: 4, token: FencingToken(timeline: 3, epoch: Epoch(9)), incarnation: "p", verdict: .dead),
        .promise(requestID: 4, token: FencingToken(timeline: 3, epoch: Epoch(9)), incarnation: "p", verdict: .refused("a “reason”\u{2028}\\")),
        .holdOff(milliseconds: 500), .heldOff(requestID: 6), .handingOver,
        .fitness(.init(asks: true, reached: [], missed: ["connection:a “b”"], forMilliseconds: 3000)),
        .fitness(.init(asks: false, reached: ["program:x", "connection:y"], missed: [])),
        .vouch(token: FencingToken(timeline: 3, epoch: Epoch(9)), leaseMilliseconds: 700),
        .vouched(requestID: 5, token: FencingToken(timeline: 3, epoch: Epoch(9)), promised: FencingToken(timeline: 3, epoch: Epoch(10))), .leaving,
    ]

    static func random(using generator: inout Seeded) -> PeerMessage {
        func number() -> UInt64 { generator.next() >> UInt64.random(in: 1...63, using: &generator) }
        func text() -> String {
            let alphabet = Array("abcxyz019-_.\"\\/ äß€😀")
            return String((0..<Int.random(in: 1...20, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? "a" })
        }
        func small() -> Int64 { Int64.random(in: 0...315_360_000_000, using: &generator) }
        var facts = NodeFacts(
            role: NodeFacts.Role.allCases.randomElement(using: &generator) ?? .unknown, epochSeen: Epoch(Int64(number() & 0xFF_FFFF_FFFF)),
            timelineSeen: Int32.random(in: 0...Int32.max, using: &generator), leaderSeen: Bool.random(using: &generator) ? text() : nil,
            version: text(),
            postgres: .init(
                reachable: Bool.random(using: &generator), roundTripMicroseconds: Bool.random(using: &generator) ? small() : nil,
                lastAnswerAgeMilliseconds: Bool.random(using: &generator) ? small() : nil),
            loopLagMilliseconds: small(), certificateNotAfter: Bool.random(using: &generator) ? 1_790_000_000 : nil,
            started: WallTime(microseconds: small()), localHealth: Int.random(in: 0...8, using: &generator))
        for _ in 0..<Int.random(in: 0...4, using: &generator) { facts.suspects.append(.init(node: text(), incarnation: number())) }
        var bodies = Self.bodies
        bodies[0] = .ping(facts)
        bodies[1] = .ack(requestID: number(), receivedMono: Int64(number()), facts: facts)
        bodies[2] = .pingRequest(target: text())
        let body = bodies.randomElement(using: &generator) ?? .leaving
        return PeerMessage(
            from: text(), to: text(), bootID: text(), incarnation: number(), sequence: max(1, number()), requestID: number(),
            sentMono: Int64(number()), wall: WallTime(microseconds: small()), body: body)
    }
}
