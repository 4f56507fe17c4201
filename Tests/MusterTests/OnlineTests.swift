import Eventually
import Foundation
import Model
import Testing

/// One after another, on one cluster that starts empty: as an administrator's first day.
@Suite("Command line: with a cluster", .serialized)
struct OnlineTests {
    /// Applies the sample, which changes nothing when it was applied before.
    private func applied() async throws -> SmallCluster {
        let cluster = try await SmallCluster.shared
        try cluster.scratch.write(Sample.manual, "manifests/media.yaml")
        let result = try await cluster.muster("apply", "-f", "manifests")
        try #require(result.code == 0, "\(result.err)")
        return cluster
    }

    @Test("apply puts manifests in force once; diff and apply say what changes; export applies again")
    func manifests() async throws {
        let cluster = try await SmallCluster.shared
        let scratch = cluster.scratch
        try scratch.write(Sample.manual, "manifests/media.yaml")
        let new = try await cluster.muster("diff", "-f", "manifests/media.yaml")
        #expect(new.code == 3)
        #expect(new.out.contains("Policy/transcode  new (not applied)\n"), "\(new.out)")
        let first = try await cluster.muster("apply", "-f", "manifests/media.yaml")
        #expect(first.code == 0, "\(first.err)")
        #expect(first.lines.count == 4)
        for kind in ["Region/eu-west", "Connection/jobs", "Service/transcode", "Policy/transcode"] {
            #expect(first.lines.contains { $0.hasPrefix("\(kind)  v1 applied (#") }, "\(first.out)")
        }
        let second = try await cluster.muster("apply", "-f", "manifests/media.yaml")
        #expect(second.code == 0)
        #expect(second.lines.allSatisfy { $0.hasSuffix("  v1 unchanged") } && second.lines.count == 4, "\(second.out)")
        let equal = try await cluster.muster("diff", "-f", "manifests/media.yaml")
        #expect(equal.code == 0)
        #expect(equal.out.isEmpty)

        try scratch.write(Sample.manual.replacing("maxReplicas: 20\n", with: "maxReplicas: 24\n"), "changed.yaml")
        let change = try await cluster.muster("diff", "-f", "changed.yaml")
        #expect(change.code == 3)
        #expect(change.out == "Policy/transcode  v1 -> v2 (not applied)\n  maxReplicas:  20 -> 24\n")
        #expect(try await cluster.json("get", "policies", "transcode")["version"] == 1, "diff changes nothing")
        let lint = try await cluster.muster("lint", "-f", "changed.yaml")
        #expect(lint.code == 0, "\(lint.err)")

        let exported = try await cluster.muster("export")
        #expect(exported.code == 0)
        try scratch.write(exported.out, "exported.yaml")
        #expect(try await cluster.muster("diff", "-f", "exported.yaml").code == 0)
        let regions = try await cluster.muster("export", "--kind", "Region")
        #expect(regions.out.contains("kind: Region") && !regions.out.contains("kind: Policy"))
        try scratch.write(Sample.manual.replacing("averageValue", with: "averageValu"), "bad.yaml")
        let bad = try await cluster.muster("apply", "-f", "bad.yaml")
        #expect(bad.code == 1)
        #expect(bad.err.contains(#/error: bad\.yaml:25:[0-9]+: unknown field “averageValu”; did you mean “averageValue”\?/#), "\(bad.err)")
        #expect(bad.err.hasSuffix("nothing was applied\n"))
    }

    static let kinds = ["nodes", "regions", "services", "workloads", "policies", "budgets", "decisions", "actions", "pauses", "overrides", "events", "tokens"]

    @Test("every kind is listed as table, JSON, YAML and names, which say the same", arguments: Self.kinds)
    func lists(kind: String) async throws {
        let cluster = try await self.applied()
        let table = try await cluster.muster("get", kind)
        #expect(table.code == 0, "\(table.err)")
        #expect(isAligned(table.lines), "\(table.out)")
        #expect(table.lines.first?.uppercased() == table.lines.first)
        let items = try #require(try await cluster.json("get", kind)["items"]?.arrayValue)
        let yaml = try await cluster.muster("get", kind, "-o", "yaml")
        let names = try await cluster.muster("get", kind, "-o", "name")
        #expect(names.code == 0)
        #expect(try JSON(yaml: yaml.out)["items"]?.arrayValue?.count == items.count)
        // What goes on by itself (beats, decisions, events) may have grown between two questions.
        if !["nodes", "decisions", "events", "workloads"].contains(kind) {
            #expect(try JSON(yaml: yaml.out)["items"]?.arrayValue == items)
            #expect(names.lines.count == items.count)
            #expect(table.lines.count == items.count + 1)
        }
    }

    @Test("one thing is shown whole, and what is not there is an error that says what to ask")
    func one() async throws {
        let cluster = try await self.applied()
        #expect(try await cluster.json("get", "workloads", "transcode/eu-west")["id"] == "transcode/eu-west")
        #expect(try await cluster.json("get", "nodes", "a")["role"] == "leader")
        #expect(try await cluster.json("get", "services", "transcode")["owner"] == "media")
        #expect(try JSON(yaml: try await cluster.muster("get", "policies", "transcode").out)["name"] == "transcode")
        for (kind, name) in [("nodes", "../tokens"), ("nodes", "a?b"), ("policies", "none"), ("overrides", "a/b"), ("budgets", "none"), ("workloads", "a/b")] {
            let missing = try await cluster.muster("get", kind, name)
            #expect(missing.code == 1, "\(kind) \(name): \(missing.out)")
            #expect(missing.err.hasPrefix("error: ") && missing.err.contains("Next: "), "\(missing.err)")
        }
        #expect(try await cluster.muster("get", "workloads", "nonsense").code == 2)
        let wrong = try await cluster.muster("get", "nodes", "--state", "alive")
        #expect(wrong.code == 2)
        #expect(wrong.err == "error: --state does not go with nodes\n")
    }

    @Test("a person's number stands in for the rules' until it is ended, and says who and why")
    func override() async throws {
        let cluster = try await self.applied()
        let set = try await cluster.muster("scale", "transcode/eu-west", "--to", "8", "--for", "2h", "--reason", "campaign at noon")
        #expect(set.code == 0, "\(set.err)")
        #expect(set.out.contains(#/^transcode\/eu-west -> 8 until 2.*Z \(#[0-9]+\)\n$/#), "\(set.out)")
        let override = try #require(try await cluster.json("get", "overrides")["items"]?.arrayValue?.first)
        #expect(override["reason"] == "campaign at noon")
        #expect(override["replicas"] == 8)
        #expect(try await cluster.json("get", "overrides", "transcode/eu-west")["replicas"] == 8)
        let ended = try await cluster.muster("scale", "transcode/eu-west", "--end")
        #expect(ended.code == 0)
        #expect(ended.out == "transcode/eu-west  override ended, the rules decide again\n")
        #expect(try await cluster.json("get", "overrides")["items"] == [])
        let again = try await cluster.muster("scale", "transcode/eu-west", "--end")
        #expect(again.code == 1)
        let beyond = try await cluster.muster("scale", "transcode/eu-west", "--to", "-1", "--for", "2h", "--reason", "campaign at noon")
        #expect(beyond.code == 2)
        let nobody = try await cluster.muster("scale", "transcode/mars", "--to", "8", "--for", "2h", "--reason", "campaign at noon")
        #expect(nobody.code == 1)
    }

    @Test("pauses begin, are listed, and end by number or scope")
    func pauses() async throws {
        let cluster = try await self.applied()
        for scope in ["service:transcode", "all"] {
            let pause = try await cluster.muster("pause", scope, "--direction", "down", "--for", "1h", "--reason", "load test")
            #expect(pause.code == 0, "\(pause.err)")
            #expect(pause.out.contains("\(scope) down until"), "\(pause.out)")
        }
        let pauses = try #require(try await cluster.json("get", "pauses")["items"]?.arrayValue)
        #expect(pauses.count == 2)
        let byScope = try await cluster.muster("resume", "service:transcode")
        #expect(byScope.code == 0)
        let all = try #require(pauses.first { $0["scope"] == "all" }?["id"]?.intValue)
        let byNumber = try await cluster.muster("resume", "\(all)")
        #expect(byNumber.out == "pause \(all) ended\n")
        let none = try await cluster.muster("resume", "all")
        #expect(none.code == 1)
        #expect(none.err == "error: no pause of “all” is in force. Next: muster get pauses\n")
        let nowhere = try await cluster.muster("pause", "planet:mars", "--for", "1h", "--reason", "load test")
        #expect(nowhere.code == 2, "\(nowhere.err)")
    }

    @Test("the switch is turned on at once, and off only when that is confirmed")
    func theSwitch() async throws {
        let cluster = try await self.applied()
        #expect(try await cluster.muster("enable", "--reason", "reviewed by all").out == "scaling is enabled\n")
        let asked = try await cluster.muster("disable", "--reason", "incident 4711")
        #expect(asked.code == 2)
        #expect(asked.err.contains("Disable scaling for 1 workloads in small? Nothing was done: say --yes"), "\(asked.err)")
        #expect(try await cluster.json("status")["enabled"] == true)
        #expect(try await cluster.muster("disable", "--yes", "--reason", "incident 4711").out == "scaling is disabled\n")
        #expect(try await cluster.json("status")["enabled"] == false)
        let status = try await cluster.muster("status")
        #expect(status.out.contains("scaling   DISABLED"))
    }

    @Test("a token may do what its role may, until it is revoked")
    func tokens() async throws {
        let cluster = try await self.applied()
        let made = try await cluster.muster("token", "create", "--name", "ci", "--role", "viewer", "--for", "1d")
        #expect(made.code == 0, "\(made.err)")
        #expect(made.lines.count == 1 && made.out.hasPrefix("muster_small_"))
        let viewer = try cluster.program(token: made.lines[0])
        #expect(try await viewer.run("status").code == 0)
        for command in [["enable", "--reason", "because I can"], ["token", "list"], ["audit", "list"], ["apply", "-f", "manifests"]] {
            let refused = try await viewer.run(command)
            #expect(refused.code == 4, "\(command): \(refused.err)")
            #expect(refused.err.contains("Next: "))
        }
        let list = try await cluster.muster("token", "list")
        #expect(isAligned(list.lines), "\(list.out)")
        #expect(!list.out.contains(made.lines[0]))
        let id = try #require(try await cluster.json("token", "list")["items"]?.arrayValue?.first { $0["name"] == "ci" }?["id"]?.stringValue)
        let asked = try await cluster.muster("token", "revoke", id)
        #expect(asked.code == 2)
        #expect(asked.err.contains("Nothing was done"))
        #expect(try await viewer.run("status").code == 0)
        #expect(try await cluster.muster("token", "revoke", id, "--yes").out == "token \(id) revoked\n")
        try await eventually("the token is refused") { try await viewer.run("status").code == 4 }
        let role = try await cluster.muster("token", "create", "--name", "ci", "--role", "king", "--for", "1d")
        #expect(role.code == 2, "\(role.err)")
    }

    @Test("the audit log lists what was done and by whom, and proves that nothing was changed")
    func audit() async throws {
        let cluster = try await self.applied()
        let list = try await cluster.muster("audit", "list", "--limit", "5")
        #expect(list.code == 0)
        #expect(list.lines.count == 6)
        #expect(isAligned(list.lines), "\(list.out)")
        let applied = try #require(try await cluster.json("audit", "list", "--subject", "transcode", "--limit", "100")["items"]?.arrayValue)
        #expect(!applied.isEmpty)
        let ok = try await cluster.muster("audit", "verify")
        #expect(ok.code == 0, "\(ok.err)")
        #expect(ok.out.contains(#/^ok: [0-9]+ events, root [0-9a-f]{64}\n$/#), "\(ok.out)")
        let json = try await cluster.json("audit", "verify")
        #expect(json["state"] == "ok")
        let cut = try await cluster.muster("audit", "list", "--type", "no.such.type", "-o", "name")
        #expect(cut.out.isEmpty || cut.code == 2)
    }

    @Test("explain tells the last evaluation as a page and as data")
    func explain() async throws {
        let cluster = try await self.applied()
        try await eventually("it is evaluated") { try await cluster.muster("explain", "transcode/eu-west").code == 0 }
        let page = try await cluster.muster("explain", "transcode/eu-west", "--all")
        let decision = try await cluster.json("explain", "transcode/eu-west")
        #expect(decision["workload"] == "transcode/eu-west")
        #expect(page.out.hasPrefix("transcode/eu-west  "))
        #expect(page.out.contains("policy      transcode v") || page.out.contains("policy transcode v"))
        #expect(!page.out.contains("\u{1B}"))
        for what in ["d-999999", "d-1?x", "nonsense"] {
            let missing = try await cluster.muster("explain", what)
            #expect(missing.code == 1 || missing.code == 2, "\(what): \(missing.out)")
            #expect(missing.err.hasPrefix("error: "))
        }
    }

    @Test("leadership is handed over on request, and the next term is in the audit log")
    func resign() async throws {
        let cluster = try await self.applied()
        let before = try #require(try await cluster.json("status").at("leader", "epoch")?.intValue)
        let result = try await cluster.muster("leader", "resign", "--reason", "repair of the host")
        #expect(result.code == 0, "\(result.err)")
        try await eventually("the node leads again") {
            let status = try await cluster.muster("status", "-o", "json")
            guard status.code == 0, let leader = try JSON(parsing: status.out)["leader"] else { return false }
            return leader["node"] == "a" && leader["epoch"]?.intValue ?? 0 > before
        }
        try await eventually("the log says so") {
            try await cluster.json("audit", "list", "--type", "leader.elected")["items"]?.arrayValue?.first?["epoch"]?.intValue ?? 0 > before
        }
        let resigned = try await cluster.json("audit", "list", "--type", "leader.resigned")["items"]?.arrayValue?.first
        #expect(resigned?["epoch"]?.intValue == before && resigned?.text.contains("repair of the host") == true, "\(String(describing: resigned))")
    }
}

extension JSON {
    func at(_ path: String...) -> JSON? { path.reduce(self as JSON?) { $0?[$1] } }
}
