import Model

@testable import Membership

/// One machine, `a`, and what its peers `b`, `c`, `d` say, step by step.
struct Bench {
    var machine: MembershipMachine
    var sequence: UInt64 = 0
    var now: Int64 = 1000

    init(peers: [String] = ["b", "c", "d"], node: String = "a") {
        self.machine = MembershipMachine(node: node, bootID: "boot-\(node)", incarnation: 10, facts: .well, seed: 3, at: .ms(1000))
        self.feed(.members((peers + [node]).map { Member(name: $0, address: "\($0):1") }))
    }

    @discardableResult
    mutating func feed(_ event: MembershipEvent) -> [MembershipEffect] {
        self.machine.handle(event, at: .ms(self.now), wall: WallTime(microseconds: self.now * 1000))
    }

    /// With the timers that fall in between, each on time.
    @discardableResult
    mutating func pass(_ milliseconds: Int64) -> [MembershipEffect] {
        var effects: [MembershipEffect] = []
        let end = self.now + milliseconds
        while let wake = self.machine.wakeAt, wake <= .ms(end) {
            self.now = max(self.now, (wake.nanoseconds + 999_999) / 1_000_000)
            effects += self.feed(.timer)
        }
        self.now = end
        return effects
    }

    @discardableResult
    mutating func say(_ body: PeerMessage.Body, from: String = "b", to: String = "a", boot: String? = nil, link: Int, incarnation: UInt64 = 5)
        -> [MembershipEffect]
    {
        self.sequence += 1
        return self.feed(
            .received(.sample(body, sequence: self.sequence, boot: boot ?? "boot-\(from)", from: from, to: to, incarnation: incarnation), link: link))
    }

    /// Links 1, 2, 3 to b, c, d, all proven.
    static func meshed() -> Bench {
        var bench = Bench()
        for (index, peer) in ["b", "c", "d"].enumerated() {
            bench.feed(.linkOpened(peer: peer, link: index + 1, dialled: true))
            bench.say(.ping(.well), from: peer, link: index + 1)
        }
        return bench
    }

    func view(_ name: String) -> PeerView? { self.machine.view.peers.first { $0.name == name } }
}

extension [MembershipEffect] {
    var sent: [(link: Int, message: PeerMessage)] {
        self.compactMap { if case .send(let link, let message) = $0 { (link, message) } else { nil } }
    }
    var dialled: [String] { self.compactMap { if case .dial(let peer, _) = $0 { peer } else { nil } } }
    var hungUp: [Int] { self.compactMap { if case .hangUp(let link, _) = $0 { link } else { nil } } }
    var refusals: [MessageRefusal] { self.compactMap { if case .refused(_, let reason) = $0 { reason } else { nil } } }
    var alarms: [MembershipAlarm] { self.compactMap { if case .alarm(let alarm) = $0 { alarm } else { nil } } }
}
