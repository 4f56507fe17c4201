import ArgumentParser
import Foundation
import Model

struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "List or show things.",
        discussion: """
            KIND is nodes, regions, services, workloads, policies, budgets, decisions, actions, approvals, pauses, overrides, events or tokens.

            Example: muster get decisions --workload transcode/eu-west -o json
            """)
    @Argument(help: "What kind.") var kind: String
    @Argument(help: "Which one.") var name: String?
    @Option(help: "Only of this workload (decisions, actions).") var workload: String?
    @Option(help: "Only in this state (workloads).") var state: String?
    @Option(help: "At most so many.") var limit = 100
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    /// How one kind is asked for and shown.
    struct Kind {
        var path: String
        var columns: [(heading: String, path: String)]
        var id: String
        var accepts: [String] = []
    }

    static let kinds: [String: Kind] = [
        "nodes": Kind(
            path: "/v1/nodes",
            columns: [
                ("NAME", "name"), ("REGION", "region"), ("ROLE", "role"), ("STATE", "state"), ("VERSION", "version"), ("SEEN", "seenAt"),
                ("CLOCK MS", "peer.clock.offsetMs"), ("CERTIFICATE UNTIL", "peer.certificateEnds"), ("ADDRESS", "address"), ("WHY", "peer.why"),
            ],
            id: "name"),
        "regions": Kind(
            path: "/v1/regions",
            columns: [
                ("NAME", "name"), ("STATE", "state"), ("SINCE", "since"), ("WORKLOADS", "workloads"), ("RUNNING", "replicas.running"), ("MAX", "maxReplicas"),
                ("COST/H", "costPerReplicaHour"),
            ],
            id: "name"),
        "services": Kind(
            path: "/v1/services", columns: [("NAME", "name"), ("OWNER", "owner"), ("PRIORITY", "priority"), ("WORKLOADS", "workloads")], id: "name"),
        "workloads": Kind(
            path: "/v1/workloads",
            columns: [
                ("WORKLOAD", "id"), ("RUNNING", "replicas.running"), ("READY", "replicas.ready"), ("WANTED", "replicas.wanted"), ("STATE", "state"),
                ("POLICY", "policy.name"), ("WHY", "sentence"),
            ], id: "id", accepts: ["state"]),
        "policies": Kind(
            path: "/v1/policies",
            columns: [("NAME", "name"), ("VERSION", "version"), ("MODE", "mode"), ("MIN", "min"), ("MAX", "max"), ("WORKLOADS", "workloads"), ("BY", "by")],
            id: "name"),
        "budgets": Kind(path: "/v1/budgets", columns: [("NAME", "name"), ("MAX", "maxReplicas"), ("MAX COST/H", "maxCostPerHour")], id: "name"),
        "decisions": Kind(
            path: "/v1/decisions",
            columns: [
                ("DECISION", "id"), ("AT", "at"), ("EPOCH", "epoch"), ("NODE", "node"), ("WORKLOAD", "workload"), ("KIND", "kind"), ("FROM", "from"),
                ("TO", "to"),
                ("ACTED", "acted"), ("WHY", "sentence"),
            ], id: "id", accepts: ["workload"]),
        "actions": Kind(
            path: "/v1/actions",
            columns: [
                ("ACTION", "id"), ("AT", "at"), ("WORKLOAD", "workload"), ("KIND", "kind"), ("FROM", "from"), ("TO", "to"), ("STATE", "state"),
                ("ATTEMPT", "attempt"), ("DECISION", "decision"),
            ],
            id: "id", accepts: ["workload"]),
        "approvals": Kind(
            path: "/v1/approvals",
            columns: [
                ("DECISION", "id"), ("AT", "at"), ("WORKLOAD", "workload"), ("FROM", "from"), ("TO", "to"), ("STATE", "state"), ("SAID BY", "said.by"),
                ("UNTIL", "said.until"), ("WHY", "sentence"),
            ], id: "id"),
        "pauses": Kind(
            path: "/v1/pauses",
            columns: [("PAUSE", "id"), ("SCOPE", "scope"), ("DIRECTION", "direction"), ("UNTIL", "until"), ("OWNER", "owner"), ("REASON", "reason")], id: "id"),
        "overrides": Kind(
            path: "/v1/overrides", columns: [("WORKLOAD", "workload"), ("REPLICAS", "replicas"), ("UNTIL", "until"), ("OWNER", "owner"), ("REASON", "reason")],
            id: "workload"),
        "events": Kind(
            path: "/v1/audit/events",
            columns: [("SEQ", "seq"), ("AT", "at"), ("TYPE", "type"), ("ACTOR", "actorId"), ("SUBJECT", "subjectId"), ("OUTCOME", "outcome")], id: "seq"),
        "tokens": Kind(path: "/v1/tokens", columns: [("ID", "id"), ("NAME", "name"), ("ROLE", "role"), ("EXPIRES", "expiresAt")], id: "id"),
    ]

    func validate() throws {
        guard Self.kinds[self.kind] != nil else {
            throw ValidationError("“\(self.kind)” is none of \(Self.kinds.keys.sorted().joined(separator: ", "))")
        }
        guard (1...10_000).contains(self.limit) else { throw ValidationError("--limit is 1 to 10000") }
    }

    func run() async throws {
        guard let kind = Self.kinds[self.kind] else { return }
        let client = try self.connect.client()
        if let name {
            let item = try await self.one(kind, name, client)
            // One thing as a table would hide most of it.
            Print.value(item, self.output.format) { self.output.format == .name ? item.cell(kind.id) + "\n" : YAMLText.text(item) }
            return
        }
        let query = try self.query(kind)
        let items = try await client.list(kind.path, query: query, limit: self.limit)
        Print.value(["items": .array(items)], self.output.format) {
            if self.output.format == .name { return items.map { $0.cell(kind.id) + "\n" }.joined() }
            var table = Table(headings: kind.columns.map(\.heading))
            table.rows = items.map { item in kind.columns.map { item.cell($0.path) } }
            return table.text()
        }
    }

    /// Workloads have two names in their path; overrides and budgets are few and have no page of their own.
    private func one(_ kind: Kind, _ name: String, _ client: APIClient) async throws -> JSON {
        guard self.workload == nil, self.state == nil else { throw Failure("--workload and --state choose from a list; “\(name)” is one already", exitCode: 2) }
        switch self.kind {
        case "workloads": return try await client.get("\(kind.path)/\(try WorkloadPath(name).path)")
        case "overrides", "budgets":
            let found = try await client.list(kind.path).first { $0.cell(kind.id) == name }
            guard let found else { throw Failure("there is no “\(name)” among \(self.kind). Next: muster get \(self.kind)") }
            return found
        default: return try await client.get("\(kind.path)/\(APIClient.segment(name))")
        }
    }

    private func query(_ kind: Kind) throws -> [(String, String)] {
        var query: [(String, String)] = []
        for (name, value) in [("workload", self.workload), ("state", self.state)] {
            guard let value else { continue }
            guard kind.accepts.contains(name) else { throw Failure("--\(name) does not go with \(self.kind)", exitCode: 2) }
            query.append((name, value))
        }
        return query
    }
}

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Every input, proposal and limit of a decision, in order, and the sentence.",
        discussion: "Takes a workload (its last evaluation, whether it changed anything or not) or a decision.\n\nExample: muster explain transcode/eu-west")
    @Argument(help: "SERVICE/REGION or a decision such as d-12.") var what: String
    @Flag(help: "Also the steps that changed nothing.") var all = false
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let client = try self.connect.client()
        let path: String
        var next: [JSON] = []
        if self.what.contains("/") {
            let workload = try WorkloadPath(self.what).path
            path = "/v1/workloads/\(workload)/decision"
            next = try await client.get("/v1/workloads/\(workload)")["next"]?.arrayValue ?? []
        } else {
            path = "/v1/decisions/\(APIClient.segment(self.what))"
        }
        let decision = try await client.get(path)
        Print.value(decision, self.output.format) {
            let now = decision["asOf"]?.stringValue.flatMap { WallTime(rfc3339: $0) } ?? WallTime(microseconds: Int64(Date.now.timeIntervalSince1970 * 1e6))
            var text = ExplainView(decision: decision, now: now).text(all: self.all)
            for item in next { text += "next        \(item.cell("at"))  \(item.cell("text"))\n" }
            return text
        }
    }
}
