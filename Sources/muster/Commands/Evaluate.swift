import ArgumentParser
import Control
import Engine
import Foundation
import Manifests
import Model

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "One evaluation, without a cluster or a network.",
        discussion:
            "The very engine that runs live. The answer holds the decision, the guards that take effect, and the memory, which is the next case’s “memory”.\n\nExample: muster evaluate -f policy.yaml --input case.json"
    )
    @OptionGroup var files: ManifestFiles
    @Option(help: "The case: workload, time, observed replicas and readings, as JSON.")
    var input: String
    @Option(help: "Which policy of the file, when it holds several.")
    var policy: String?
    @OptionGroup var output: Output

    func run() async throws {
        let parsed = ManifestParser.parse(try self.files.read())
        let errors = parsed.findings.filter { $0.severity == .error }
        guard errors.isEmpty else { throw Failure(errors.map(\.description).joined(separator: "\nerror: ")) }
        let policies = parsed.manifests.compactMap { document -> (Policy, Decision.PolicyReference)? in
            guard case .policy(let policy) = document.manifest, self.policy == nil || policy.name == self.policy else { return nil }
            return (policy, Decision.PolicyReference(name: policy.name, version: 1, sha256: document.sha256))
        }
        guard let (policy, reference) = policies.first, policies.count == 1 else {
            throw Failure(policies.isEmpty ? "the file holds no such policy" : "the file holds several policies; name one with --policy", exitCode: 2)
        }
        guard let data = FileManager.default.contents(atPath: self.input) else { throw Failure("\(self.input) can't be read", exitCode: 2) }
        var evaluation: Evaluation
        let guards: [GuardOutcome]
        do {
            var input = try EvaluationCase.input(from: JSON(parsing: data), policy: policy, reference: reference)
            let zones = ZoneDirectory()
            input.schedule = PolicyCalendar(policy, zone: { try? zones.rules(named: $0) }).state(at: input.now).schedule
            evaluation = Engine.evaluate(input)
            guards = evaluation.guardOutcomes(input)
        } catch {
            throw Failure("\(self.input): \(error)")
        }
        let decision = evaluation.decision.json
        Print.value(["decision": decision, "memory": evaluation.memory.json, "guards": .array(guards.map(\.json))], self.output.format) {
            ExplainView(decision: decision, now: evaluation.decision.at).text(all: false) + GuardsView(guards: guards).text
        }
    }
}
