import Foundation
import Glibc
import Testing

extension WholeClusters.Leaders {
    /// Starts a new node with a changed configuration; it has to end with 1 and say these words.
    private func expectRefusal(
        _ name: String, _ replacements: [String: String] = [:], saying words: [String], sourceLocation: SourceLocation = #_sourceLocation,
        prepare: (TestCluster) async throws -> Void = { _ in }
    ) async throws {
        let cluster = try TestCluster.current
        try await cluster.addNode(name, replacing: replacements)
        try await prepare(cluster)
        let ran = try await cluster.refusal(name)
        #expect(ran.status == 1, "\(ran)", sourceLocation: sourceLocation)
        for word in words { #expect(ran.errors.contains(word), "“\(word)” is missing in: \(ran)", sourceLocation: sourceLocation) }
        #expect(try await cluster.number("select count(*) from muster.term where node = '\(name)'") == 0, "it led", sourceLocation: sourceLocation)
    }

    @Test("a node whose HTTP port is taken ends with 1 and names the port")
    func portInUse() async throws {
        let port = try TestCluster.current.port("a.http")
        try await self.expectRefusal("port-in-use", ["127.0.0.1:0": "127.0.0.1:\(port)"], saying: [String(port), "in use"])
    }

    @Test("a node whose data directory can't be made ends with 1 and names it")
    func dataDirectory() async throws {
        let cluster = try TestCluster.current
        let folder = cluster.folder("no-data")
        try await self.expectRefusal("no-data", ["\(folder)/data": "\(folder)/file/data"], saying: ["\(folder)/file/data", "set “data”"]) { cluster in
            try write("in the way\n", to: "\(cluster.folder("no-data"))/file")
        }
    }

    @Test("an unknown key in a node's configuration is named with its line and what was probably meant")
    func unknownKey() async throws {
        try await self.expectRefusal(
            "unknown-key", ["authority:": "autority:"], saying: ["node.yaml:", "unknown key “peers.autority”; did you mean “peers.authority”?"])
    }

    @Test("a node with another node's certificate is refused")
    func foreignCertificate() async throws {
        let cluster = try TestCluster.current
        let folder = cluster.folder("foreign-certificate")
        try await self.expectRefusal(
            "foreign-certificate",
            ["\(folder)/node.pem": "\(cluster.folder("a"))/node.pem", "\(folder)/node.key": "\(cluster.folder("a"))/node.key"],
            saying: ["identifies spiffe://dev/node/a", "this node is spiffe://dev/node/foreign-certificate", "muster ca issue"])
    }

    @Test("a node whose key others may read is refused")
    func openKey() async throws {
        try await self.expectRefusal("open-key", saying: ["node.key", "chmod"]) { cluster in chmod("\(cluster.folder("open-key"))/node.key", 0o644) }
    }

    @Test("doctor says what is wrong with a node, and nothing is wrong with one that runs")
    func doctor() async throws {
        let cluster = try TestCluster.current
        let fine = try await Ran.program(Programs.muster, ["doctor", "--config", cluster.configuration("a")])
        #expect(fine.status == 0 && fine.output.contains("postgres"), "\(fine)")
        try await cluster.addNode("doctored", replacing: ["dbname=muster": "dbname=nothing"])
        defer { try? FileManager.default.removeItem(atPath: cluster.folder("doctored")) }
        let ill = try await Ran.program(Programs.muster, ["doctor", "--config", cluster.configuration("doctored")])
        #expect(ill.status == 1 && ill.output.contains("wrong") && ill.output.contains("nothing"), "\(ill)")
    }
}
