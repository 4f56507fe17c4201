import ArgumentParser
import Model

struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "Put a number in place of the rules’ until it ends.",
        discussion: "Example: muster scale transcode/eu-west --to 8 --for 2h --reason \"campaign starts at noon\"")
    @Argument(help: "SERVICE/REGION") var workload: String
    @Option(help: "How many replicas.") var to: Int?
    @Option(name: .customLong("for"), help: "How long, such as 2h.") var duration: String?
    @Option(help: "Until when, RFC 3339.") var until: String?
    @Option(help: "Why; recorded in the audit log.") var reason: String?
    @Flag(help: "End the override that is in force.") var end = false
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func validate() throws {
        if self.end {
            guard self.to == nil, self.duration == nil, self.until == nil else { throw ValidationError("--end takes no number and no time") }
            return
        }
        guard self.to != nil else { throw ValidationError("say how many: --to N (or --end)") }
        guard (self.reason?.count ?? 0) >= 5 else { throw ValidationError("say why: --reason TEXT, at least 5 characters") }
        guard (self.duration == nil) != (self.until == nil) else { throw ValidationError("say either --for or --until: an override always has an end") }
    }

    func run() async throws {
        let path = "/v1/workloads/\(try WorkloadPath(self.workload).path)/override"
        let client = try self.connect.client()
        if self.end {
            let answer = try await client.delete(path)
            Print.value(answer, self.output.format) { "\(self.workload)  override ended, the rules decide again\n" }
            return
        }
        var body: [String: JSON] = ["replicas": .int(Int64(self.to ?? 0)), "reason": .string(self.reason ?? "")]
        if let duration { body["for"] = .string(duration) }
        if let until { body["until"] = .string(until) }
        let answer = try await client.put(path, .object(body))
        Print.value(answer, self.output.format) { "\(self.workload) -> \(answer.cell("replicas")) until \(answer.cell("until")) (#\(answer.cell("seq")))\n" }
    }
}

/// `service/region` in a path.
struct WorkloadPath {
    let path: String
    init(_ text: String) throws {
        guard let id = WorkloadID(text) else { throw Failure("“\(text)” is not SERVICE/REGION, such as transcode/eu-west", exitCode: 2) }
        self.path = id.description
    }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Keep something from moving for a while.",
        discussion:
            "SCOPE is all, region:NAME, service:NAME, policy:NAME or SERVICE/REGION.\n\nExample: muster pause service:transcode --direction down --for 2h --reason \"load test\""
    )
    @Argument(help: "all, region:NAME, service:NAME, policy:NAME or SERVICE/REGION.") var scope: String
    @Option(help: "up, down or both.") var direction = "both"
    @OptionGroup var until: Until
    @OptionGroup var because: Because
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        var body = self.until.fields
        body["scope"] = .string(self.scope)
        body["direction"] = .string(self.direction)
        body["reason"] = .string(self.because.reason)
        let answer = try await self.connect.client().post("/v1/pauses", .object(body))
        Print.value(answer, self.output.format) {
            "pause \(answer.cell("id")): \(answer.cell("scope")) \(answer.cell("direction")) until \(answer.cell("until")) (#\(answer.cell("seq")))\n"
        }
    }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "End pauses before their time.",
        discussion: "Takes the number of a pause, or a scope: then all pauses of exactly that scope end.\n\nExample: muster resume service:transcode")
    @Argument(help: "A pause’s number, or a scope.") var what: String
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let client = try self.connect.client()
        let ids: [Int64]
        if let id = Int64(self.what) {
            ids = [id]
        } else {
            ids = try await client.list("/v1/pauses").filter { $0["scope"]?.stringValue == self.what }.compactMap { $0["id"]?.intValue }
        }
        guard !ids.isEmpty else { throw Failure("no pause of “\(self.what)” is in force. Next: muster get pauses") }
        var ended: [JSON] = []
        for id in ids { ended.append(try await client.delete("/v1/pauses/\(id)")) }
        Print.value(["items": .array(ended)], self.output.format) { ids.map { "pause \($0) ended\n" }.joined() }
    }
}

struct EnableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable", abstract: "Let the cluster scale.", discussion: "Example: muster enable --reason \"policies were reviewed\"")
    @OptionGroup var because: Because
    @Flag(help: "Don’t ask.") var yes = false
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws { try await setSwitch(true, self.because.reason, self.connect.client(), self.output.format) }
}

struct DisableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable", abstract: "Keep the cluster from scaling anything.",
        discussion: "Decisions go on and say what they would have done.\n\nExample: muster disable --yes --reason \"incident 4711\"")
    @OptionGroup var because: Because
    @Flag(help: "Don’t ask.") var yes = false
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let client = try self.connect.client()
        let status = try await client.get("/v1/status")
        try Terminal.confirm("Disable scaling for \(status.cell("workloads.total")) workloads in \(status.cell("cluster"))?", yes: self.yes)
        try await setSwitch(false, self.because.reason, client, self.output.format)
    }
}

private func setSwitch(_ enabled: Bool, _ reason: String, _ client: APIClient, _ format: OutputFormat) async throws {
    let answer = try await client.put("/v1/switch", ["enabled": .bool(enabled), "reason": .string(reason)])
    Print.value(answer, format) { "scaling is \(enabled ? "enabled" : "disabled")\n" }
}

struct LeaderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leader", abstract: "Leadership.",
        discussion: "Example: muster leader resign --reason \"host goes down for repair\"", subcommands: [Resign.self])

    struct Resign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hand over to another node now.",
            discussion: """
                With --to the other nodes let that one lead next. It has to be alive; if it has not taken over within a second, anyone may.

                Example: muster leader resign --to b --reason "host goes down for repair"
                """)
        @Option(help: "The node that shall lead next; without it, whoever is first.") var to: String?
        @OptionGroup var because: Because
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        func run() async throws {
            var body: [String: JSON] = ["reason": .string(self.because.reason)]
            if let to { body["to"] = .string(to) }
            let answer = try await self.connect.client().post("/v1/leader/resign", .object(body))
            Print.value(answer, self.output.format) { "the leader hands over\(self.to.map { " to \($0)" } ?? ""); see: muster status\n" }
        }
    }
}

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Tokens.", discussion: "Example: muster token list",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token. Its secret is shown once.", discussion: "Example: muster token create --name ci --role viewer --for 30d")
        @Option(help: "What it is for, such as ci.") var name: String
        @Option(help: "viewer, operator, admin or auditor.") var role: String
        @OptionGroup var until: Until
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        func run() async throws {
            var body = self.until.fields
            body["name"] = .string(self.name)
            body["role"] = .string(self.role)
            let answer = try await self.connect.client().post("/v1/tokens", .object(body))
            Print.value(answer, self.output.format) { "\(answer.cell("token"))\n" }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All tokens, without secrets.", discussion: "Example: muster token list")
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        func run() async throws {
            let items = try await self.connect.client().list("/v1/tokens")
            Print.value(["items": .array(items)], self.output.format) {
                var table = Table(headings: ["ID", "NAME", "ROLE", "EXPIRES", "REVOKED", "BY"])
                table.rows = items.map { [$0.cell("id"), $0.cell("name"), $0.cell("role"), $0.cell("expiresAt"), $0.cell("revokedAt"), $0.cell("createdBy")] }
                return table.text()
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a token, at once and on all nodes.", discussion: "Example: muster token revoke 4fK2x9Qa --yes")
        @Argument(help: "The token’s id.") var id: String
        @Flag(help: "Don’t ask.") var yes = false
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        func run() async throws {
            let client = try self.connect.client()
            try Terminal.confirm("Revoke token \(self.id)? Whoever uses it is locked out at once.", yes: self.yes)
            let answer = try await client.delete("/v1/tokens/\(APIClient.segment(self.id))")
            Print.value(answer, self.output.format) { "token \(self.id) revoked\n" }
        }
    }
}
