import Model

/// What a case asks for. Each kind has its own inputs and answers.
enum ConformanceKind: String, CaseIterable {
    case utilization
    case podsAverageValue = "pods-average-value"
    case objectValue = "object-value"
    case objectAverageValue = "object-average-value"
    case externalValue = "external-value"
    case externalAverageValue = "external-average-value"
    case usageRatio = "usage-ratio"
    case perPodUsage = "per-pod-usage"
    case podGrouping = "pod-grouping"
    case podRequests = "pod-requests"
    case defaulting
    case clamp
    case behaviorLimit = "behavior-limit"
    case behaviorRate = "behavior-rate"
    case scaleEventLog = "scale-event-log"
    case stabilizationLegacy = "stabilization-legacy"
    case stabilization
    case reconcile

    /// What the algorithm answers.
    enum Answer {
        case fields([String: JSON])
        /// The words in which the controller fails.
        case failed(String)
    }

    func run(_ fields: inout CaseFields, _ arithmetic: HPA.Arithmetic) throws(JSONError) -> Answer {
        switch self {
        case .utilization: try fields.utilization(arithmetic)
        case .podsAverageValue: try fields.podsAverageValue(arithmetic)
        case .objectValue: try fields.value(arithmetic, isExternal: false)
        case .externalValue: try fields.value(arithmetic, isExternal: true)
        case .objectAverageValue: try fields.averageValue(arithmetic, isExternal: false)
        case .externalAverageValue: try fields.averageValue(arithmetic, isExternal: true)
        case .usageRatio: try fields.usageRatio(arithmetic)
        case .perPodUsage: try fields.perPodUsage(arithmetic)
        case .podGrouping: try fields.podGrouping()
        case .podRequests: try fields.podRequests()
        case .defaulting: try fields.defaulting()
        case .clamp: try fields.clamp()
        case .behaviorLimit: try fields.behaviorLimit(arithmetic)
        case .behaviorRate: try fields.behaviorRate(arithmetic)
        case .scaleEventLog: try fields.scaleEventLog()
        case .stabilizationLegacy: try fields.stabilizationLegacy()
        case .stabilization: try fields.stabilization()
        case .reconcile: try fields.reconcile(arithmetic)
        }
    }
}

extension JSON {
    static func count(_ value: Int32) -> JSON { .int(Int64(value)) }
}
