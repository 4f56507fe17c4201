import Eventually
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
            func looks() -> [Int] { cluster.nodes.map { node in node.notices.all.count { $0 == .stranger(node: "a") } } }
            let (before, refused) = (looks(), cluster.nodes.map { $0.mesh.counters[.notAMember] })
            try await eventually("it is refused again") { zip(cluster.nodes, refused).allSatisfy { $0.mesh.counters[.notAMember] > $1 + 2 } }
            #expect(looks() == before, "nobody is asked to look for it any more")
            for node in cluster.nodes { #expect(node.peer("a") == nil) }
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

    @Test("the members are asked for at most once a pause, and nobody who came is forgotten")
    func rate() {
        var introductions = Introductions()
        let start = Instant(nanoseconds: 1_000_000_000)
        let first = introductions.due(at: start)
        #expect(first == nil)
        introductions.knock("a", at: start)
        let second = introductions.due(at: start)
        #expect(second == "a")
        introductions.knock("b", at: start)
        introductions.knock("c", at: start)
        let early = introductions.due(at: start + .milliseconds(1))
        #expect(early == nil)
        let third = introductions.due(at: start + PeerLimits.introductionPause)
        #expect(third == "c")
        let none = introductions.due(at: start + PeerLimits.introductionPause * 9)
        #expect(none == nil)
    }

    @Test("nobody is asked for who was turned away, only for who still waits")
    func owed() {
        var introductions = Introductions()
        let start = Instant(nanoseconds: 1_000_000_000)
        introductions.knock("a", at: start)
        _ = introductions.due(at: start)
        introductions.knock("b", at: start + .milliseconds(900))
        introductions.knock("a", at: start + .milliseconds(950))
        let over = introductions.expire(at: start + .seconds(1))
        #expect(over == ["a"])
        let next = introductions.due(at: start + .seconds(1))
        #expect(next == "b")
        introductions.knock("b", at: start + .milliseconds(1100))
        _ = introductions.expire(at: start + .seconds(2))
        let none = introductions.due(at: start + .seconds(2))
        #expect(none == nil)
    }

    @Test("a name waits for a second from its first knock, however often it knocks, and is then turned away for a minute or until it is a member")
    func standings() {
        var introductions = Introductions()
        let start = Instant(nanoseconds: 1_000_000_000)
        introductions.knock("a", at: start)
        introductions.knock("a", at: start + .milliseconds(900))
        #expect(introductions.mayWait("a"))
        let early = introductions.expire(at: start + .milliseconds(999))
        #expect(early.isEmpty)
        let over = introductions.expire(at: start + .seconds(1))
        #expect(over == ["a"])
        #expect(!introductions.mayWait("a") && introductions.mayWait("b"))
        let again = introductions.expire(at: start + .seconds(2))
        #expect(again.isEmpty)
        introductions.welcome(["a"])
        #expect(introductions.mayWait("a"))

        for number in 0..<PeerLimits.introductions { introductions.knock("n\(number)", at: start) }
        #expect(!introductions.mayWait("one more") && introductions.mayWait("n0"))
        _ = introductions.expire(at: start + .seconds(1))
        _ = introductions.expire(at: start + .seconds(61))
        #expect(introductions.mayWait("one more") && introductions.mayWait("n0"))
    }
}
