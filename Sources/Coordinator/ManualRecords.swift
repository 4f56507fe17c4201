public import Drivers
public import Model
public import Store

/// Keeps what the manual driver asks of people, and what they say, in the database.
public struct ManualRecords: ManualLedger {
    private let store: Store

    public init(store: Store) { self.store = store }

    public func states(of workloads: [WorkloadID], deadline: Duration) async throws -> [WorkloadID: ManualState] {
        var states: [WorkloadID: ManualState] = [:]
        for (workload, record) in try await self.store.manual(workloads) {
            states[workload] = ManualState(
                request: record.request.map { Self.request($0, of: workload) }, report: record.observed.map { .init(current: $0, ready: $0) },
                awaitsRestart: record.awaitsRestart)
        }
        return states
    }

    public func record(_ request: ManualRequest, deadline: Duration) async throws -> ManualRecording {
        let standing = try await self.store.askManually(
            request.workload,
            .init(
                replicas: request.replicas, expected: request.expected, action: request.action, epoch: request.epoch.value, reason: request.reason))
        return standing.map { .newerTerm(Self.request($0, of: request.workload)) } ?? .recorded
    }

    public func recordRestart(_ request: ManualRequest, deadline: Duration) async throws -> Bool {
        try await self.store.askManuallyToRestart(request.workload, action: request.action, epoch: request.epoch.value, reason: request.reason)
    }

    private static func request(_ record: ManualRecord.Request, of workload: WorkloadID) -> ManualRequest {
        ManualRequest(
            workload: workload, replicas: record.replicas, expected: record.expected, action: record.action, epoch: Epoch(record.epoch),
            reason: record.reason)
    }
}
