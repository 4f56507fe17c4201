@testable import Membership
import Model
import Testing

@Suite("Regions by their nodes")
struct RegionTests {
    private static let regionOf = ["me": "eu", "a": "eu", "b": "us", "c": "us", "d": "ap"]

    private func sight(_ states: [String: PeerState], isolated: Bool = false) -> RegionSight {
        let peers = states.sorted { $0.key < $1.key }.map { name, state in
            PeerView(
                name: name, address: "", state: state, since: Instant(nanoseconds: 0), why: "", path: .none, incarnation: 1, bootID: nil, roundTrip: nil,
                clock: nil, suspectedBy: [], seenAliveBy: [], lastHeard: nil, facts: nil, hasLink: false, lastLinkEnd: nil, probesSent: 0, probesFailed: 0,
                indirectProbes: 0, messagesRefused: 0, cloneMessages: 0, canReachTargets: nil)
        }
        let view = MembershipView(
            node: "me", bootID: "", incarnation: 1, localHealth: 0, members: 5, alive: 3, isolated: isolated, peers: peers, ownNameHeard: 0, absences: 0,
            refusals: [:])
        return view.regions(Self.regionOf)
    }

    @Test("one node that is alive is enough; a region of which all have failed is down; who is only suspect, or unknown yet, may be either")
    func states() {
        #expect(self.sight([:]) == RegionSight(up: ["eu"]))
        #expect(self.sight(["a": .failed, "b": .failed, "c": .degraded, "d": .alive]) == RegionSight(up: ["eu", "us", "ap"]))
        #expect(self.sight(["b": .failed, "c": .failed]) == RegionSight(up: ["eu"], down: ["us"]))
        #expect(self.sight(["b": .failed, "c": .suspect, "d": .unknown]) == RegionSight(up: ["eu"], unknown: ["us", "ap"]))
    }

    @Test("a node that stopped in order is not expected to answer, and one of no region counts for none")
    func left() {
        #expect(self.sight(["b": .left, "c": .failed, "d": .left, "stranger": .failed]) == RegionSight(up: ["eu"], down: ["us"]))
    }

    @Test("a node that sees fewer than a majority doubts itself, not the others")
    func isolated() {
        #expect(self.sight(["a": .failed, "b": .failed, "c": .failed, "d": .left], isolated: true) == RegionSight(up: ["eu"], unknown: ["us"]))
    }
}
