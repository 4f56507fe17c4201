import HTTPTypes
import Model
import Store

/// What people do: the switch, pauses, overrides, and saying what runs.
extension API {
    func switchState(_ call: Call) async throws -> Answer {
        Answer(.ok, try await self.store.switchState().json)
    }

    func setSwitch(_ call: Call) async throws -> Answer {
        let enabled = try call.body.bool("enabled")
        let reason = try call.body.reason()
        return try await self.write(call) { write in (200, try await write.setSwitch(enabled: enabled, reason: reason).json) }
    }

    func pauses(_ call: Call) async throws -> Answer {
        let pauses = try await self.store.pauses()
        return try Page(pauses.map { (Self.risingKey($0.id), $0.json) }, call: call).answer(call)
    }

    func createPause(_ call: Call) async throws -> Answer {
        let text = try call.body.text("scope")
        guard let scope = Pause.Scope(text) else {
            throw Fields.fault("scope", "out-of-range", "must be all, region:NAME, service:NAME, policy:NAME or SERVICE/REGION")
        }
        let direction = call.body.has("direction") ? try call.body.choice("direction", of: Pause.Direction.self) : .both
        let reason = try call.body.reason()
        let until = try call.body.end(now: call.head.now, longest: Limits.hold)
        try await self.checkExists(scope)
        let answer = try await self.write(call) { write in
            (201, try await write.createPause(scope: scope, direction: direction, until: until, reason: reason).json)
        }
        return answer.located { "/v1/pauses/\($0["id"]?.intValue ?? 0)" }
    }

    func pause(_ call: Call) async throws -> Answer {
        guard let id = Int64(call.part("id")), let pause = try await self.store.pauses().first(where: { $0.id == id }) else {
            throw Problem(.notFound, "No pause “\(call.part("id"))” is in force.", next: "muster get pauses")
        }
        return Answer(.ok, pause.json)
    }

    func endPause(_ call: Call) async throws -> Answer {
        guard let id = Int64(call.part("id")) else { throw Problem(.notFound, "There is no pause “\(call.part("id"))”.") }
        return try await self.write(call) { write in
            guard let pause = try await write.endPause(id: id) else { throw Problem(.notFound, "There is no pause \(id).", next: "muster get pauses") }
            return (200, pause.json)
        }
    }

    func overrides(_ call: Call) async throws -> Answer {
        let overrides = try await self.store.overrides()
        return try Page(overrides.map { ($0.workload.description, $0.json) }, call: call).answer(call)
    }

    func setOverride(_ call: Call) async throws -> Answer {
        let workload = try await self.workloadView(call)
        let replicas = Int(try call.body.int("replicas", in: 0...Int64(Int32.max)))
        let reason = try call.body.reason()
        let until = try call.body.end(now: call.head.now, longest: Limits.hold)
        guard let policy = workload.policy?.value else {
            throw Problem(.conflict, "No policy speaks of \(workload.id), so nothing would carry the override out.", next: "Apply a policy that selects it.")
        }
        let limits = policy.minReplicas...max(policy.minReplicas, policy.maxReplicas)
        guard limits.contains(replicas) else {
            throw Problem(
                .outOfLimits, "\(replicas) is outside the \(limits.lowerBound) to \(limits.upperBound) replicas that the policy \(policy.name) allows.",
                members: ["limit": ["policy": policy.name.json, "min": policy.minReplicas.json, "max": policy.maxReplicas.json]])
        }
        return try await self.write(call) { write in
            (200, try await write.setOverride(workload: workload.id, replicas: replicas, until: until, reason: reason).json)
        }
    }

    func endOverride(_ call: Call) async throws -> Answer {
        let id = WorkloadID(service: call.part("service"), region: call.part("region"))
        return try await self.write(call) { write in
            guard let override = try await write.endOverride(workload: id) else {
                throw Problem(.notFound, "No override of \(id) is in force.", next: "muster get overrides")
            }
            return (200, override.json)
        }
    }

    /// A person says how many replicas of a manually scaled workload run.
    func observe(_ call: Call) async throws -> Answer {
        let replicas = Int(try call.body.int("replicas", in: 0...Int64(Int32.max)))
        let workload = try await self.workloadView(call)
        guard workload.target == .manual else {
            throw Problem(
                .conflict, "\(workload.id) is observed by its driver “\(workload.target.kind)”; only manual workloads are told.",
                next: "muster explain \(workload.id)")
        }
        return try await self.write(call) { write in
            write.recordObserved(workload: workload.id, replicas: replicas)
            return (200, ["workload": workload.id.description.json, "replicas": replicas.json, "at": write.at.json])
        }
    }

    /// A pause of something that does not exist would look like safety and be none.
    private func checkExists(_ scope: Pause.Scope) async throws {
        let exists: Bool
        switch scope {
        case .all: exists = true
        case .region(let name): exists = try await self.store.manifest(.init(kind: .region, name: name)) != nil
        case .service(let name): exists = try await self.store.manifest(.init(kind: .service, name: name)) != nil
        case .policy(let name): exists = try await self.store.manifest(.init(kind: .policy, name: name)) != nil
        case .workload(let id):
            let stored = try await self.store.manifest(.init(kind: .service, name: id.service))
            if case .service(let service) = stored?.manifest { exists = service.workloads[id.region] != nil } else { exists = false }
        }
        guard exists else { throw Problem(.notFound, "Nothing is called “\(scope)”, so there is nothing to pause.", next: "muster get workloads") }
    }

    /// A key of fixed width that sorts smaller numbers first.
    static func risingKey(_ number: Int64) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 19 - text.count)) + text
    }
}

extension Answer {
    /// Whether it is the answer of an earlier request with the same key.
    var isReplay: Bool { self.headers.contains { $0.name == .idempotencyReplayed } }

    /// With the place of what was made.
    func located(_ path: (JSON) -> String) -> Answer {
        guard case .json(let json) = self.body else { return self }
        return self.with(header: .location, path(json))
    }
}
