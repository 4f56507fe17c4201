import ArgumentParser
import Model

/// A change that waits, as a person names it, and why they answer as they do.
struct WhatWaits: ParsableArguments {
    @Argument(help: "The decision that waits, such as d-12, or its SERVICE/REGION.") var what: String
    @Option(help: "Why; recorded in the audit log.") var reason: String?

    func validate() throws {
        if let reason, reason.count < 5 { throw ValidationError("--reason needs at least 5 characters: it is what others will read") }
    }

    /// Says it of what waits.
    func say(_ verb: String, _ client: APIClient) async throws -> JSON {
        var id = self.what
        if self.what.contains("/") {
            let workload = try WorkloadPath(self.what).path
            let waiting = try await client.list("/v1/approvals").filter { $0["workload"]?.stringValue == workload }
            // What waits comes before what somebody has said something of already.
            guard let found = (waiting.first { $0["state"] == "waiting" } ?? waiting.last)?["id"]?.stringValue else {
                throw Failure("nothing of \(workload) waits for a second person. Next: muster explain \(workload)")
            }
            id = found
        }
        return try await client.post("/v1/approvals/\(APIClient.segment(id))/\(verb)", .fields(["reason": self.reason.map { .string($0) }]))
    }
}

struct ApproveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Agree to a change that waits for a second person.",
        discussion: """
            The leader makes the change if its policy still wants it: in that direction, and at most by so much. The word counts for 15 minutes and for one
            change. `muster get approvals` lists what waits.

            Example: muster approve transcode/eu-west --reason "the campaign is known"
            """)
    @OptionGroup var what: WhatWaits
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let answer = try await self.what.say("approve", self.connect.client())
        Print.value(answer, self.output.format) {
            "\(answer.cell("workload")) \(answer.cell("from")) -> \(answer.cell("to")) approved until \(answer.cell("said.until")) (#\(answer.cell("seq")))\n"
        }
    }
}

struct RejectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject", abstract: "Refuse a change that waits for a second person.",
        discussion: """
            It is not asked for again for 15 minutes, unless the policy wants another change. An approval of it that no change has used up ends.

            Example: muster reject d-12 --reason "the queue is a test"
            """)
    @OptionGroup var what: WhatWaits
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let answer = try await self.what.say("reject", self.connect.client())
        Print.value(answer, self.output.format) {
            "\(answer.cell("workload")) \(answer.cell("from")) -> \(answer.cell("to")) rejected until \(answer.cell("said.until")) (#\(answer.cell("seq")))\n"
        }
    }
}
