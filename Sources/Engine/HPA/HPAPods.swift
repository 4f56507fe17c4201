extension HPA {
    /// What the controller knows of one pod, apart from its metrics.
    struct Pod: Hashable, Sendable {
        enum Phase: String, CaseIterable, Sendable {
            case pending = "Pending"
            case running = "Running"
            case succeeded = "Succeeded"
            case failed = "Failed"
        }

        var phase: Phase
        /// It has a deletion timestamp.
        var isDeleted = false
        /// Its Ready condition; nil when it has none.
        var isReady: Bool?
        /// nil before it was started.
        var startAge: Int64?
        /// Since its Ready condition last changed.
        var readyTransitionAge: Int64 = 0
    }

    /// One pod's sample of a metric: taken `age` ago over `window`.
    struct PodSample: Hashable, Sendable {
        var usage: Int64
        var age: Int64
        var window: Int64
    }

    /// What one pod counts as in one metric.
    enum PodGroup: Hashable, Sendable {
        /// Deleted or at its end: as if it were not there.
        case ignored
        /// Its sample, if any, is not believed.
        case unready
        /// It should have a sample.
        case missing
        case ready
    }

    /// How long a pod's CPU says little after its start.
    struct ReadinessPeriods: Hashable, Sendable {
        /// After the start: a sample counts only if the pod is ready and the sample's window lies after its last change.
        var cpuInitialization: Int64 = 300_000
        /// Not ready since within this time after the start means never ready.
        var initialReadinessDelay: Int64 = 30_000
    }

    /// Readiness counts for CPU only; any other metric is believed as soon as there is a sample.
    static func group(_ pod: Pod, sample: PodSample?, isCPU: Bool, periods: ReadinessPeriods) -> PodGroup {
        if pod.isDeleted || pod.phase == .failed || pod.phase == .succeeded { return .ignored }
        if pod.phase == .pending { return .unready }
        guard let sample else { return .missing }
        guard isCPU else { return .ready }
        guard let isReady = pod.isReady, let startAge = pod.startAge else { return .unready }
        if startAge < periods.cpuInitialization {
            let sinceTransition = Self.subtract(pod.readyTransitionAge, sample.age)
            return isReady && sinceTransition >= sample.window ? .ready : .unready
        }
        let wasNeverReady = Self.add(pod.readyTransitionAge, periods.initialReadinessDelay) > startAge
        return !isReady && wasNeverReady ? .unready : .ready
    }
}

// MARK: - Requests

extension HPA {
    /// The part of a pod's specification that says what it requests of one resource.
    struct PodRequests: Hashable, Sendable {
        struct Container: Hashable, Sendable {
            var name: String
            /// nil when it requests none.
            var request: Int64?
            /// An init container whose restart policy is Always runs beside the others; any other one is over by then.
            var isRestartable = true
        }

        /// Of the pod as a whole; nil when only its containers say.
        var pod: Int64?
        var containers: [Container] = []
        var initContainers: [Container] = []
    }

    enum RequestFailure: Error, Hashable, Sendable {
        case missing(container: String)
        case noSuchContainer(String)
    }

    /// What a utilization is the share of: the request of `container`, or of the pod, or of all its containers.
    static func request(of pod: PodRequests, container: String?, podLevel: Bool) throws(RequestFailure) -> Int64 {
        if container == nil, podLevel, let request = pod.pod { return request }
        var sum: Int64 = 0
        for candidate in pod.containers + pod.initContainers.filter(\.isRestartable) {
            guard container == nil || container == candidate.name else { continue }
            guard let request = candidate.request else { throw .missing(container: candidate.name) }
            if container != nil { return request }
            sum = Self.add(sum, request)
        }
        if let container { throw .noSuchContainer(container) }
        return sum
    }
}
