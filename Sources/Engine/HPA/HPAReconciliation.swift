extension HPA {
    /// One metric of `spec.metrics` with what its source answered.
    struct MetricSpec: Sendable {
        enum Source: String, CaseIterable, Sendable {
            case resource = "Resource"
            case containerResource = "ContainerResource"
            case pods = "Pods"
            case object = "Object"
            case external = "External"
        }
        enum TargetType: String, CaseIterable, Sendable {
            case utilization = "Utilization"
            case averageValue = "AverageValue"
            case value = "Value"
        }
        struct Target: Hashable, Sendable {
            var type: TargetType
            var utilization: Int32?
            var averageValue: Int64?
            var value: Int64?
        }
        enum Answer: Sendable {
            case failed
            /// One for each pod, nil for a pod without a sample. `others`: samples of pods that are not listed.
            case pods([PodSample?], others: Int)
            case value(Int64)
            case series([Int64])
        }

        /// nil for a type that Kubernetes does not have.
        var source: Source?
        /// `cpu`, `memory`, …; of Resource and ContainerResource.
        var resource: String?
        var container: String?
        var target: Target
        var answer: Answer

        var isCPU: Bool { self.resource == "cpu" && (self.source == .resource || self.source == .containerResource) }

        /// What stands in `ScalingActive` when it fails.
        var failureReason: String {
            switch self.source {
            case .resource: "FailedGetResourceMetric"
            case .containerResource: "FailedGetContainerResourceMetric"
            case .pods: "FailedGetPodsMetric"
            case .object: "FailedGetObjectMetric"
            case .external: "FailedGetExternalMetric"
            case nil: "InvalidMetricSourceType"
            }
        }

        /// What a HorizontalPodAutoscaler without metrics is given.
        static let standard = MetricSpec(
            source: .resource, resource: "cpu", target: Target(type: .utilization, utilization: 80), answer: .failed)
    }

    /// `spec.behavior`, each direction as written.
    struct Behavior: Hashable, Sendable {
        var scaleUp: ScalingRules?
        var scaleDown: ScalingRules?
    }

    /// Everything that one evaluation of the controller sees.
    struct Reconciliation: Sendable {
        enum Selector: String, CaseIterable, Sendable {
            case valid = "ok"
            case missing
            case unparsable
            /// Another HorizontalPodAutoscaler selects other pods, all of these, or some of them.
            case disjoint = "other-policy-no-overlap"
            case same = "other-policy-full-overlap"
            case overlapping = "other-policy-partial-overlap"
        }
        /// What becomes of writing the new size.
        enum Write: Hashable, Sendable {
            case succeeds
            /// So many writes find that somebody else was faster.
            case conflicts(Int)
            case fails
        }
        struct Features: Hashable, Sendable {
            var scaleToZero = false
            var configurableTolerance = true
            var podLevelResources = false
        }

        var bounds: Bounds
        /// The size that is asked for, and what the workload's status shows.
        var specReplicas: Int32
        var statusReplicas: Int32
        var selector = Selector.valid
        var metrics: [MetricSpec]
        var pods: [Pod]
        /// One for each pod.
        var requests: [PodRequests]
        var behavior: Behavior?
        var tolerances = Tolerances.standard
        var periods = ReadinessPeriods()
        var downscaleStabilization: Int64 = 300_000
        var scaleUpLimit = ScaleUpLimit()
        /// nil for a controller that has just started.
        var recommendations: [LogEntry]?
        var ups: [ScaleEvent] = []
        var downs: [ScaleEvent] = []
        var conditions: [Condition] = []
        var features = Features()
        var scaleCanBeRead = true
        var write = Write.succeeds
        var arithmetic: Arithmetic
    }

    /// What one evaluation of the controller does.
    struct Outcome: Sendable {
        /// `status.desiredReplicas` afterwards.
        var replicas: Int32
        /// The size was written.
        var scaleUpdated = false
        /// Also when only some of the metrics failed.
        var errorReturned = false
        var conditions: Conditions
        /// Of the first CPU utilization that could be computed, in percent.
        var cpuUtilization: Int32?
        /// What the controller remembers for the next time.
        var recommendations: [LogEntry]
        var ups: [ScaleEvent]
        var downs: [ScaleEvent]
    }
}
