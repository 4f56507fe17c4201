import Model
import Store

/// A manifest in force with the version that it is.
struct InForce<Value: Sendable>: Sendable {
    var value: Value
    var stored: StoredManifest
}

/// The fleet at one moment, as the API shows it: what is declared, joined with what the leader last made of it. Pure: it is built from records and the
/// database's time, and never asks for more.
struct FleetView: Sendable {
    var now: WallTime
    var regions: [InForce<Region>]
    var services: [InForce<Service>]
    var policies: [InForce<Policy>]
    var budgets: [InForce<Budget>]
    var pauses: [Pause]
    /// What second persons said.
    var approvals: [Approval]
    /// By name.
    var workloads: [WorkloadView]
    /// By region: those of which the leader remembers something.
    var regionStates: [String: RegionRecord]

    init(
        now: WallTime, manifests: [StoredManifest], records: [WorkloadRecord], regionStates: [RegionRecord] = [], pauses: [Pause], overrides: [Override],
        openActions: [ActionRecord], approvals: [Approval]
    ) {
        self.regionStates = Dictionary(regionStates.map { ($0.region, $0) }, uniquingKeysWith: { first, _ in first })
        self.now = now
        self.pauses = pauses
        self.approvals = approvals
        var regions: [InForce<Region>] = []
        var services: [InForce<Service>] = []
        var policies: [InForce<Policy>] = []
        var budgets: [InForce<Budget>] = []
        for stored in manifests.sorted(by: { $0.reference < $1.reference }) {
            switch stored.manifest {
            case .region(let region): regions.append(InForce(value: region, stored: stored))
            case .service(let service): services.append(InForce(value: service, stored: stored))
            case .policy(let policy): policies.append(InForce(value: policy, stored: stored))
            case .budget(let budget): budgets.append(InForce(value: budget, stored: stored))
            case .connection, nil: break
            }
        }
        let recordOf = Dictionary(records.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let overrideOf = Dictionary(overrides.map { ($0.workload, $0) }, uniquingKeysWith: { $0.since > $1.since ? $0 : $1 })
        let actionOf = Dictionary(openActions.map { ($0.workload, $0) }, uniquingKeysWith: { first, _ in first })
        self.workloads = services.flatMap { service in
            service.value.workloads.map { region, target in
                let id = WorkloadID(service: service.value.name, region: region)
                // The first by name, as the leader does it.
                let policy = policies.first { $0.value.selector.selects(id) }
                return WorkloadView(
                    id: id, now: now, service: service.value, target: target, policy: policy,
                    region: regions.first { $0.value.name == region }?.value, record: recordOf[id], action: actionOf[id], override: overrideOf[id],
                    pauses: pauses.filter { $0.since <= now && now < $0.until && $0.scope.covers(id, policy: policy?.value.name ?? "") })
            }
        }.sorted { $0.id < $1.id }
        self.regions = regions
        self.services = services
        self.policies = policies
        self.budgets = budgets
    }

    func workload(_ id: WorkloadID) -> WorkloadView? { self.workloads.first { $0.id == id } }
}

extension API {
    /// Everything that the objects of the fleet are made of. Each read sees what was committed when it ran.
    func fleet(now: WallTime) async throws -> FleetView {
        let manifests = try await self.store.manifests()
        let records = try await self.store.workloads()
        let pauses = try await self.store.pauses()
        let overrides = try await self.store.overrides()
        let actions = try await self.store.actions(ActionFilter(open: true, limit: Limits.page))
        let approvals = try await self.store.approvals()
        return FleetView(
            now: now, manifests: manifests, records: records, regionStates: try await self.store.regionStates(), pauses: pauses, overrides: overrides,
            openActions: actions, approvals: approvals)
    }
}

/// Sums over workloads. A number that is not known for some is the sum of the others; for all, it is absent.
struct ReplicaSums: Sendable {
    var running: Int?
    var wanted: Int?
    /// What policies and regions allow.
    var ceiling: Int?

    init(_ workloads: some Sequence<WorkloadView>) {
        func add(_ sum: inout Int?, _ value: Int?) {
            guard let value else { return }
            sum = (sum ?? 0).addingReportingOverflow(value).partialValue
        }
        var ceilings: [String: (sum: Int, limit: Int?)] = [:]
        for workload in workloads {
            add(&self.running, workload.running)
            add(&self.wanted, workload.wanted ?? workload.running)
            if let maximum = workload.policy?.value.maxReplicas {
                ceilings[workload.id.region, default: (0, workload.region?.maxReplicas)].sum += maximum
            }
        }
        if !ceilings.isEmpty { self.ceiling = ceilings.values.reduce(0) { $0 + min($1.sum, $1.limit ?? .max) } }
    }

    var json: JSON {
        .fields(["running": self.running.json, "wanted": self.wanted.json, "ceiling": self.ceiling.json])
    }
}

/// What running replicas cost, where every region in use has a price.
func costPerHour(_ workloads: some Sequence<WorkloadView>) -> Quantity? {
    var sum = Quantity.zero
    var isKnown = false
    for workload in workloads {
        guard let running = workload.running, running > 0 else { continue }
        guard let price = workload.region?.costPerReplicaHour else { return nil }
        sum.milli = sum.milli.addingSaturating(price.milli.multipliedSaturating(by: Int64(running)))
        isKnown = true
    }
    return isKnown ? sum : nil
}

extension Int? {
    /// A number, or nothing when it is not known.
    var json: JSON? { self.map { .int(Int64($0)) } }
}

extension Int {
    var json: JSON { .int(Int64(self)) }
}

extension String {
    var json: JSON { .string(self) }
}
