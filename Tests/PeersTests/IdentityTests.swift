import Eventually
import Membership
import Model
import TLS
import Testing

@testable import Peers

extension PeerMesh {
    /// Whether each link is the only one of its pair, made with this node's certificate of now, and vouched for by that authority.
    fileprivate func isSettled(_ authority: String) -> Bool {
        let leaf = self.identity.facts.fingerprint
        let peers = self.connections.values.compactMap(\.peer)
        return Set(peers.map(\.node)).count == peers.count && peers.allSatisfy { $0.authority == authority }
            && self.connections.values.allSatisfy { $0.leaf == leaf }
    }
}

@Suite("Identity of a running mesh", .timeLimit(.minutes(2)))
struct IdentityTests {
    /// A probe fails here only when it is never answered: this machine may be busy, and its slowness is not what is tested.
    private static let patient: MembershipTiming = {
        var timing = MembershipTiming.standard
        timing.leastTimeout = .seconds(5)
        return timing
    }()

    @Test("leaf and authority of three running nodes rotate without a failed probe")
    func rotation() async throws {
        try await withCluster(timing: Self.patient, identityPoll: .seconds(3600)) { cluster in
            func failedProbes() -> [UInt64] { cluster.nodes.flatMap { $0.mesh.view.peers.map(\.probesFailed) } }
            func answeredProbes() -> UInt64 { cluster.nodes.flatMap { $0.mesh.view.peers }.map { $0.probesSent - $0.probesFailed }.reduce(0, +) }
            func settled(_ authority: String) async throws {
                try await eventually("links are made anew") {
                    for node in cluster.nodes where await !node.mesh.isSettled(authority) { return false }
                    return cluster.isWhole()
                }
            }
            let before = failedProbes()
            let old = cluster.authority.bundle.entries[0].fingerprint
            try await settled(old)

            // A new leaf of the same authority.
            for node in cluster.nodes {
                try node.folder.issue(cluster.authority)
                let change = await node.mesh.reloadIdentity()
                #expect(change?.isNewLeaf == true)
            }
            try await settled(old)

            // A new authority: trusted everywhere, then used everywhere, then alone.
            let succession = try CertificateAuthority.succession(of: cluster.authority.bundle, cluster: "prod")
            let new = try CertificateAuthority(certificate: succession.overlap.pem, key: succession.successor.key)
            let final = try succession.overlap.removing(old)
            for node in cluster.nodes {
                try node.folder.trust(succession.overlap)
                let change = await node.mesh.reloadIdentity()
                #expect(change?.addedAuthorities.count == 1)
            }
            for node in cluster.nodes {
                try node.folder.issue(new)
                let change = await node.mesh.reloadIdentity()
                #expect(change?.isNewLeaf == true)
            }
            try await settled(final.entries[0].fingerprint)
            for node in cluster.nodes {
                try node.folder.trust(final)
                let change = await node.mesh.reloadIdentity()
                #expect(change?.removedAuthorities == [old])
            }

            let answered = answeredProbes()
            try await eventually("probes go on") { answeredProbes() > answered + 12 }
            #expect(failedProbes() == before)
            for node in cluster.nodes {
                for other in cluster.nodes where other.name != node.name { #expect(node.notices.states(of: other.name) == [.alive]) }
                #expect(node.mesh.counters[.authorityRemoved] == 0)
                #expect(node.mesh.counters.identityReloads == 4)
                let end = node.identity.facts.notAfter
                try await eventually("the others hear of the new end") {
                    cluster.nodes.allSatisfy { $0.name == node.name || $0.peer(node.name)?.facts?.certificateNotAfter == end }
                }
            }
        }
    }

    @Test("new files are found without being told of; files that can’t be used raise an alarm and change nothing")
    func polling() async throws {
        try await withCluster(["a", "b"], identityPoll: .milliseconds(20)) { cluster in
            let a = try cluster["a"]
            let serial = a.identity.facts.serial
            try a.folder.issue(cluster.authority)
            try await eventually("they are in use") { a.identity.facts.serial != serial && a.mesh.counters.identityReloads >= 1 }
            let used = a.identity.facts
            let made = try CertificateAuthority.create(cluster: "prod")
            try a.folder.trust(AuthorityBundle(pem: made.certificate))
            try await eventually("it is told") {
                a.notices.contains { if case .alarm(.identityUnusable(let why)) = $0 { why.contains("ca.pem") } else { false } }
            }
            #expect(a.identity.facts == used)
            let alarms = a.notices.all.filter { if case .alarm = $0 { true } else { false } }
            let failures = a.mesh.counters.identityFailures
            try await eventually("it goes on looking") { a.mesh.counters.identityFailures > failures + 3 }
            #expect(a.notices.all.filter { if case .alarm = $0 { true } else { false } } == alarms, "it is told once")
            #expect(cluster.isWhole())
        }
    }

    @Test("a node whose certificate is denied loses its links at once and gets no new ones; the others stay")
    func denied() async throws {
        try await withCluster { cluster in
            let (a, b, c) = (try cluster["a"], try cluster["b"], try cluster["c"])
            let serial = c.identity.facts.serial
            for node in [a, b] { try node.identity.replaceDenied([serial]) }
            try await eventually("c is failed") { a.sees("c", .failed) && b.sees("c", .failed) }
            #expect(a.mesh.counters[.denied] > 0)
            #expect(a.sees("b", .alive) && b.sees("a", .alive))
            for node in [a, b] { try node.identity.replaceDenied([]) }
            try await eventually("c is back") { cluster.isWhole() }
        }
    }

    @Test("a node whose name is denied loses its links, whatever its certificate; a new certificate does not help it")
    func deniedNode() async throws {
        try await withCluster(identityPoll: .seconds(3600)) { cluster in
            let (a, b, c) = (try cluster["a"], try cluster["b"], try cluster["c"])
            for node in [a, b] { try node.identity.replaceDenied([], nodes: ["c"]) }
            try await eventually("c is failed") { a.sees("c", .failed) && b.sees("c", .failed) }
            try c.folder.issue(cluster.authority)
            _ = await c.mesh.reloadIdentity()
            let refused = a.mesh.counters[.denied] + b.mesh.counters[.denied]
            try await eventually("it is refused again") { a.mesh.counters[.denied] + b.mesh.counters[.denied] > refused + 2 }
            #expect(a.sees("b", .alive) && b.sees("a", .alive) && a.sees("c", .failed))
            for node in [a, b] { try node.identity.replaceDenied([]) }
            try await eventually("c is back") { cluster.isWhole() }
        }
    }

    @Test("an authority that is trusted no longer takes its links with it")
    func removed() async throws {
        try await withCluster(["a", "b"]) { cluster in
            let a = try cluster["a"]
            let succession = try CertificateAuthority.succession(of: cluster.authority.bundle, cluster: "prod")
            let new = try CertificateAuthority(certificate: succession.overlap.pem, key: succession.successor.key)
            // Only a moves on: its own certificate and its trust are the new authority's alone.
            try a.folder.issue(new)
            try a.folder.trust(try succession.overlap.removing(cluster.authority.bundle.entries[0].fingerprint))
            _ = await a.mesh.reloadIdentity()
            try await eventually("the link is closed") { a.mesh.counters[.authorityRemoved] > 0 && a.sees("b", .failed) }
        }
    }
}
