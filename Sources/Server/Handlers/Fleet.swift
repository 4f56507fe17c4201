import HTTPTypes
import Model
import Store

/// Regions, services, workloads, policies and budgets as they stand.
extension API {
    func regions(_ call: Call) async throws -> Answer {
        let fleet = try await self.fleet(now: call.head.now)
        return try Page(fleet.regions.map { ($0.value.name, fleet.region($0)) }, call: call).answer(call)
    }

    func region(_ call: Call) async throws -> Answer {
        let fleet = try await self.fleet(now: call.head.now)
        guard let region = fleet.regions.first(where: { $0.value.name == call.part("region") }) else {
            throw Problem(.notFound, "No region is called “\(call.part("region"))”.", next: "muster get regions")
        }
        return self.answer(fleet.region(region), of: region.stored)
    }

    func services(_ call: Call) async throws -> Answer {
        let fleet = try await self.fleet(now: call.head.now)
        return try Page(fleet.services.map { ($0.value.name, fleet.service($0)) }, call: call).answer(call)
    }

    func service(_ call: Call) async throws -> Answer {
        let fleet = try await self.fleet(now: call.head.now)
        guard let service = fleet.services.first(where: { $0.value.name == call.part("service") }) else {
            throw Problem(.notFound, "No service is called “\(call.part("service"))”.", next: "muster get services")
        }
        return self.answer(fleet.service(service), of: service.stored)
    }

    func budgets(_ call: Call) async throws -> Answer {
        let fleet = try await self.fleet(now: call.head.now)
        return try Page(fleet.budgets.map { ($0.value.name, fleet.budget($0)) }, call: call).answer(call)
    }

    func policies(_ call: Call) async throws -> Answer {
        let fleet = try await self.fleet(now: call.head.now)
        return try Page(fleet.policies.map { ($0.value.name, fleet.policy($0)) }, call: call).answer(call)
    }

    func policy(_ call: Call) async throws -> Answer {
        let fleet = try await self.fleet(now: call.head.now)
        guard let policy = fleet.policies.first(where: { $0.value.name == call.part("policy") }) else { throw Self.noPolicy(call) }
        var fields = fleet.policy(policy).objectValue ?? [:]
        fields["manifest"] = policy.stored.canonical
        return self.answer(.object(fields), of: policy.stored)
    }

    func policyVersions(_ call: Call) async throws -> Answer {
        let versions = try await self.store.versions(Manifest.Reference(kind: .policy, name: call.part("policy")))
        guard let newest = versions.first else { throw Self.noPolicy(call) }
        // Newest first: the key falls as the version rises.
        let items = versions.map { stored in
            let before = versions.first { $0.version == stored.version - 1 }
            let json = ManifestObject.version(
                stored, isActive: stored.version == newest.version, changes: ManifestObject.changes(from: before?.canonical, to: stored.canonical))
            return (key: Self.fallingKey(stored.version), json: json)
        }
        return try Page(items, call: call).answer(call)
    }

    func policyVersion(_ call: Call) async throws -> Answer {
        let reference = Manifest.Reference(kind: .policy, name: call.part("policy"))
        guard let number = Int(call.part("version")), (1...Int(Int32.max)).contains(number),
            let stored = try await self.store.manifest(reference, version: number)
        else { throw Problem(.notFound, "The policy has no version “\(call.part("version"))”.", next: "muster get policies") }
        let newest = try await self.store.manifest(reference)
        let before = number > 1 ? try await self.store.manifest(reference, version: number - 1) : nil
        let json = ManifestObject.version(
            stored, isActive: newest?.version == number, changes: ManifestObject.changes(from: before?.canonical, to: stored.canonical))
        return self.answer(json, of: stored)
    }

    func workloads(_ call: Call) async throws -> Answer {
        let fleet = try await self.fleet(now: call.head.now)
        let query = call.query
        let wanted = fleet.workloads.filter { workload in
            query.allows("service", workload.id.service) && query.allows("region", workload.id.region)
                && query.allows("policy", workload.policy?.value.name) && query.allows("owner", workload.service.owner)
                && query.allows("mode", workload.policy?.value.mode.rawValue) && query.allows("state", workload.state.rawValue)
                && (query["q"].map { workload.id.description.contains($0) } ?? true)
        }
        return try Page(wanted.map { ($0.id.description, $0.json) }, call: call).answer(call)
    }

    func workload(_ call: Call) async throws -> Answer {
        Answer(.ok, try await self.workloadView(call).json)
    }

    /// The last evaluation with everything that explains it, whether it was recorded as a decision or not.
    func workloadDecision(_ call: Call) async throws -> Answer {
        let workload = try await self.workloadView(call)
        guard let record = workload.record else {
            throw Problem(
                .notFound, "\(workload.id) has not been evaluated yet.",
                next: workload.policy == nil ? "Apply a policy whose selector names it." : "Wait for the leader’s next round: muster status")
        }
        var fields = record.evaluation.json.objectValue ?? [:]
        if let number = record.decision {
            fields["lastDecision"] = DecisionRecord.name(number).json
            // This very evaluation was recorded: it has a number and a place in the audit log.
            if let decision = try await self.store.decision(id: number), decision.decision.at == record.evaluation.at {
                fields.merge(decision.json.objectValue ?? [:]) { _, recorded in recorded }
            }
        }
        fields["state"] = workload.state.rawValue.json
        fields["holds"] = .array(workload.holds)
        fields["next"] = .array(workload.next.map(\.json))
        return Answer(.ok, .object(fields))
    }

    /// The workload that the path names.
    func workloadView(_ call: Call) async throws -> WorkloadView {
        let id = WorkloadID(service: call.part("service"), region: call.part("region"))
        guard let workload = try await self.fleet(now: call.head.now).workload(id) else {
            throw Problem(.notFound, "No workload is called “\(id)”.", next: "muster get workloads")
        }
        return workload
    }

    private func answer(_ json: JSON, of stored: StoredManifest) -> Answer {
        Answer(.ok, json).with(header: .eTag, ManifestObject.etag(stored))
    }

    private static func noPolicy(_ call: Call) -> Problem {
        Problem(.notFound, "No policy is called “\(call.part("policy"))”.", next: "muster get policies")
    }

    /// A key of fixed width that sorts larger numbers first.
    static func fallingKey(_ number: Int) -> String {
        let text = String(Int(Int32.max) - number)
        return String(repeating: "0", count: max(0, 10 - text.count)) + text
    }
}
