import Foundation
import Model
import PostgresTesting
import Testing

@Suite("Command line: doctor")
struct DoctorTests {
    private func doctor(_ scratch: Scratch, environment: [String: String] = [:]) async throws -> (code: Int32, items: [JSON]) {
        let result = try await Program(environment: environment, folder: scratch.folder).run("doctor", "--config", "node.yaml", "-o", "json")
        return (result.code, try #require(try JSON(parsing: result.out)["items"]?.arrayValue, "\(result.out)\(result.err)"))
    }

    /// A node that could start, on a server that forgets nothing.
    private func node() async throws -> (scratch: Scratch, cluster: SmallCluster, text: String) {
        let cluster = try await SmallCluster.shared
        let scratch = try Scratch()
        for folder in ["a", "exec.d"] { try FileManager.default.copyItem(atPath: cluster.scratch.path(folder), toPath: scratch.path(folder)) }
        let text = SmallCluster.configuration(database: cluster.database, port: 7443)
        try scratch.write(text, "node.yaml")
        return (scratch, cluster, text)
    }

    private static func found(_ items: [JSON], _ what: String) -> [JSON] { items.filter { $0["what"]?.stringValue == what } }

    @Test("a good node has nothing wrong, in every form")
    func good() async throws {
        let (scratch, _, _) = try await self.node()
        let (code, items) = try await self.doctor(scratch)
        #expect(code == 0)
        #expect(
            items.compactMap { $0["what"]?.stringValue } == [
                "configuration", "data", "drivers.exec", "peers.certificate", "http.certificate", "postgres", "clock", "cluster", "schema",
            ])
        #expect(items.allSatisfy { $0["verdict"] == "ok" }, "\(items)")
        #expect(Self.found(items, "peers.certificate").first?["text"]?.stringValue?.hasPrefix("spiffe://small/node/a, until 2") == true)
        #expect(Self.found(items, "http.certificate").first?["text"]?.stringValue?.hasPrefix("127.0.0.1, localhost, until 2") == true)
        #expect(Self.found(items, "drivers.exec").first?["text"]?.stringValue?.hasSuffix("exec.d: observe, scale") == true)
        #expect(!scratch.exists("data"), "it looks and makes nothing")
        let table = try await Program(folder: scratch.folder).run("doctor", "--config", "node.yaml")
        #expect(table.lines.count == 10)
        #expect(isAligned(table.lines), "\(table.out)")
    }

    /// A replacement in the good configuration, the check that fails and its words.
    static let broken: [(String, String, String, String)] = [
        ("region:", "regoin:", "configuration", "unknown key “node.regoin”; did you mean “node.region”?"),
        ("cluster: small\n", "", "configuration", "“cluster” is missing; set it there or in MUSTER_CLUSTER"),
        ("timing: fast", "timing: quick", "configuration", "timing is “quick”, expected default, fast or wan"),
        ("timing: fast", "log: { level: loud }", "configuration", "log.level is “loud”, expected one of trace"),
        ("127.0.0.1:7443", "7443", "configuration", "http.listen is “7443”, expected HOST:PORT"),
        ("cluster: small", "cluster: [", "configuration", "is not YAML"),
        ("data: data", "data: a/ca.pem", "data", "is a file and no folder"),
        ("directory: exec.d", "directory: nowhere", "drivers.exec", "nowhere does not exist; put the programs there on every node"),
        ("directory: exec.d", "directory: a", "drivers.exec", "holds no program"),
        ("name: a,", "name: b,", "peers.certificate", "it identifies spiffe://small/node/a, this node is spiffe://small/node/b"),
        ("authority: a/ca.pem", "authority: a/none.pem", "peers.certificate", "none.pem can't be read"),
        ("certificate: a/node.pem", "certificate: a/api.pem", "peers.certificate", "is not the key of"),
        ("127.0.0.1:7443", "10.9.8.7:7443", "http.certificate", "it is for 127.0.0.1, localhost, clients come to 10.9.8.7"),
        ("cluster: small", "cluster: other", "cluster", "this database belongs to “small”, the configuration says “other”"),
    ]

    @Test("each thing that is wrong is told by its own check", arguments: Self.broken)
    func wrong(old: String, new: String, what: String, words: String) async throws {
        let (scratch, _, text) = try await self.node()
        let changed = text.replacing(old, with: new)
        try #require(changed != text)
        try scratch.write(changed, "node.yaml")
        let (code, items) = try await self.doctor(scratch)
        #expect(code == 1)
        let hits = Self.found(items, what).filter { $0["verdict"] == "wrong" }
        #expect(hits.contains { $0["text"]?.stringValue?.contains(words) == true }, "\(items.map(\.text))")
    }

    /// What is to listen where, and the check's verdict and words.
    @Test(
        "where the supervisor is to listen is looked at: a free address is good; one that somebody else has, or that is none of this host, is not",
        arguments: [
            ("free", "ok", "is free; no supervisor of this node runs"), ("taken", "wrong", "is not this node's supervisor: "),
            ("foreign", "wrong", "no supervisor can listen on 192.0.2.1:7445: "),
        ])
    func supervisor(place: String, verdict: String, words: String) async throws {
        let (scratch, cluster, text) = try await self.node()
        let listen =
            switch place {
            case "free": "127.0.0.1:\(try SmallCluster.freePort())"
            case "taken": String(cluster.url.dropFirst("https://".count))
            default: "192.0.2.1:7445"
            }
        let changed = text.replacing("peers: {", with: "supervisor: { listen: \"\(listen)\" }\npeers: { listen: \"127.0.0.1:\(try SmallCluster.freePort())\",")
        try scratch.write(changed, "node.yaml")
        let (code, items) = try await self.doctor(scratch)
        #expect(code == (verdict == "ok" ? 0 : 1))
        let found = try #require(Self.found(items, "supervisor").first, "\(items)")
        #expect(found["verdict"]?.stringValue == verdict)
        #expect(found["text"]?.stringValue?.contains(words) == true && found["text"]?.stringValue?.contains(listen) == true, "\(found)")
    }

    @Test("an address to advertise that nobody can dial is told", arguments: ["7445", ":7445", "a.internal:x"])
    func advertised(address: String) async throws {
        let (scratch, _, text) = try await self.node()
        for key in ["supervisor", "peers"] {
            let both = "supervisor: { listen: \"127.0.0.1:7445\" }\npeers: { listen: \"127.0.0.1:7444\","
            let changed = text.replacing("peers: {", with: both).replacing("\(key): { listen", with: "\(key): { advertise: \"\(address)\", listen")
            try scratch.write(changed, "node.yaml")
            let (code, items) = try await self.doctor(scratch)
            #expect(code == 1)
            let found = Self.found(items, "configuration").first?["text"]?.stringValue ?? ""
            #expect(found.contains("\(key).advertise is “\(address)”"), "\(found)")
        }
    }

    @Test("a file that is not there is told")
    func noFile() async throws {
        let result = try await Program().run("doctor", "--config", "/nowhere/node.yaml")
        #expect(result.code == 1)
        #expect(result.out.contains("/nowhere/node.yaml can't be read; give the node's configuration with --config FILE"))
    }

    @Test("an environment variable wins over the file")
    func environment() async throws {
        let (scratch, _, _) = try await self.node()
        let (code, items) = try await self.doctor(scratch, environment: ["MUSTER_POSTGRES_DSN": "host=127.0.0.1 port=1 dbname=x user=y"])
        #expect(code == 1)
        let postgres = try #require(Self.found(items, "postgres").first)
        #expect(postgres["verdict"] == "wrong")
        #expect(postgres["text"]?.stringValue?.contains("Nothing listens there") == true)
    }

    @Test("a key that others can read is told, with the command that mends it")
    func exposedKey() async throws {
        let (scratch, _, _) = try await self.node()
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: scratch.path("a/api.key"))
        let (code, items) = try await self.doctor(scratch)
        #expect(code == 1)
        #expect(Self.found(items, "http.certificate").first?["text"]?.stringValue?.hasSuffix("run: chmod 600 \(scratch.path("a/api.key"))") == true)
        #expect(Self.found(items, "peers.certificate").first?["verdict"] == "ok")
    }

    @Test("a certificate that ends within two weeks is a warning, not a failure")
    func endsSoon() async throws {
        let (scratch, cluster, _) = try await self.node()
        let issued = try await Program(folder: scratch.folder).run(
            "ca", "issue", "--ca", cluster.scratch.path("ca"), "--cluster", "small", "--node", "a", "--hosts", "127.0.0.1", "--for", "1d", "--out", "a")
        #expect(issued.code == 0, "\(issued.err)")
        let (code, items) = try await self.doctor(scratch)
        #expect(code == 0)
        #expect(Self.found(items, "peers.certificate").first?["verdict"] == "warning")
        #expect(Self.found(items, "http.certificate").first?["verdict"] == "warning")
    }

    @Test("a database without a cluster, one that forgets, and a standby are told")
    func servers() async throws {
        let (scratch, cluster, text) = try await self.node()
        let forgetful = try await TestServer.shared
        let empty = try await forgetful.makeDatabase()
        try scratch.write(text.replacing(cluster.database, with: empty), "node.yaml")
        var (code, items) = try await self.doctor(scratch)
        #expect(code == 1)
        #expect(Self.found(items, "fsync").first?["text"] == "fsync is off: a crash would forget who leads; set fsync = on")
        #expect(Self.found(items, "cluster").first?["text"] == "this database holds no cluster; run: muster cluster init --name small")
        let standby = try await forgetful.makeStandby()
        try scratch.write(text.replacing(cluster.database, with: standby.conninfo()), "node.yaml")
        (code, items) = try await self.doctor(scratch)
        #expect(code == 1)
        #expect(Self.found(items, "standby").first?["text"]?.stringValue?.contains("target_session_attrs=read-write") == true)
        let password = forgetful.conninfo(user: TestServer.passwordRole)
        try scratch.write(text.replacing("\"\(cluster.database)\"", with: "\"\(password)\", password: { env: WRONG }"), "node.yaml")
        (code, items) = try await self.doctor(scratch, environment: ["WRONG": "wrong horse"])
        #expect(code == 1)
        let words = Self.found(items, "postgres").first?["text"]?.stringValue ?? ""
        #expect(words.contains("password authentication failed"))
        #expect(!words.contains("wrong horse"))
    }
}
