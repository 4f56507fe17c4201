import Membership
import Model
import TLS
import Testing

@testable import Peers

@Suite("A node that joins", .timeLimit(.minutes(2)))
struct IntroductionTests {
    @Test("a node that is not known as a member yet waits while the members are read, and comes in without a refusal at either end")
    func introduced() async throws {
        try await withCluster(["b", "c"]) { cluster in
            // The lowest name: it dials the others.
            let a = try TestNode("a", IdentityFolder("a", cluster.authority))
            try await eventually("a listens") { a.mesh.port != nil }
            let members = cluster.nodes.map(\.member) + [a.member]
            a.mesh.update(members: members)
            try await eventually("the others are asked to look") { cluster.nodes.allSatisfy { $0.notices.contains { $0 == .stranger(node: "a") } } }
            for node in cluster.nodes { #expect(node.peer("a") == nil, "until then it is nobody") }
            for node in cluster.nodes { node.mesh.update(members: members) }
            try await eventually("a is in") { cluster.nodes.allSatisfy { $0.sees("a", .alive) && a.sees($0.name, .alive) } }
            #expect(a.mesh.counters[.refusedByPeer] == 0)
            for node in cluster.nodes {
                #expect(node.mesh.counters[.notAMember] == 0)
                #expect(a.notices.states(of: node.name) == [.alive])
                #expect(node.notices.states(of: "a") == [.alive])
                #expect(node.mesh.counters.strangers == 0)
            }
            try await a.stop()
        }
    }

    @Test("who is no member either when it was looked up is refused in the handshake from then on, until it is one")
    func stranger() async throws {
        try await withCluster(["b", "c"]) { cluster in
            let a = try TestNode("a", IdentityFolder("a", cluster.authority))
            try await eventually("a listens") { a.mesh.port != nil }
            let members = cluster.nodes.map(\.member) + [a.member]
            a.mesh.update(members: members)
            try await eventually("it is refused") { cluster.nodes.allSatisfy { $0.mesh.counters[.notAMember] > 2 } && a.mesh.counters[.refusedByPeer] > 2 }
            for node in cluster.nodes {
                #expect(node.peer("a") == nil)
                // In the handshake: no second look for it.
                #expect(node.notices.all.filter { $0 == .stranger(node: "a") }.count < Int(node.mesh.counters[.notAMember]))
            }
            for node in cluster.nodes { node.mesh.update(members: members) }
            try await eventually("a is in") { cluster.nodes.allSatisfy { $0.sees("a", .alive) } }
            try await a.stop()
        }
    }

    @Test("a denied node that waits at the door is not let in when it becomes a member")
    func denied() async throws {
        try await withCluster(["b"]) { cluster in
            let b = try cluster["b"]
            let a = try TestNode("a", IdentityFolder("a", cluster.authority))
            try await eventually("a listens") { a.mesh.port != nil }
            a.mesh.update(members: [a.member, b.member])
            try await eventually("it waits") { b.notices.contains { $0 == .stranger(node: "a") } }
            try b.identity.replaceDenied([a.identity.facts.serial])
            b.mesh.update(members: [a.member, b.member])
            try await eventually("it is refused") { b.mesh.counters[.denied] > 0 }
            #expect(b.peer("a")?.state.isUp != true)
            try await a.stop()
        }
    }

    @Test("the members are asked for at most once a pause, and nobody who came is forgotten; names that were turned away are few and grow old")
    func rate() {
        var introductions = Introductions()
        let start = Instant(nanoseconds: 1_000_000_000)
        #expect(introductions.due(at: start) == nil)
        introductions.knock("a")
        #expect(introductions.due(at: start) == "a")
        introductions.knock("b")
        introductions.knock("c")
        #expect(introductions.due(at: start + .milliseconds(1)) == nil)
        #expect(introductions.due(at: start + PeerLimits.introductionPause) == "c")
        #expect(introductions.due(at: start + PeerLimits.introductionPause * 9) == nil)

        introductions.turnAway("a", at: start)
        #expect(introductions.isTurnedAway("a", at: start + .seconds(1)))
        #expect(!introductions.isTurnedAway("a", at: start + PeerLimits.turnedAway))
        introductions.welcome(["a"])
        #expect(!introductions.isTurnedAway("a", at: start + .seconds(1)))
        for number in 0..<PeerLimits.turnedAwayNames { introductions.turnAway("n\(number)", at: start) }
        introductions.turnAway("one more", at: start)
        #expect(!introductions.isTurnedAway("one more", at: start))
        introductions.turnAway("later", at: start + PeerLimits.turnedAway)
        #expect(introductions.isTurnedAway("later", at: start + PeerLimits.turnedAway))
    }
}
