extension HPA {
    /// Several metrics: the largest of those that could be computed. When some could not, it may raise, never lower.
    struct MetricCombination<Reason> {
        enum Verdict {
            /// No change; `reason` is of the first metric that failed.
            case hold(reason: Reason)
            /// `failed`: some other metric could not be computed, which is told all the same.
            case act(replicas: Int32, failed: Bool)
        }

        private var replicas: Int32?
        private var firstFailure: Reason?

        mutating func add(_ replicas: Int32) { self.replicas = max(self.replicas ?? 0, replicas) }
        mutating func add(failure: Reason) {
            if self.firstFailure == nil { self.firstFailure = failure }
        }

        /// nil when nothing was added.
        func verdict(current: Int32) -> Verdict? {
            guard let reason = self.firstFailure else { return self.replicas.map { .act(replicas: $0, failed: false) } }
            guard let replicas, replicas >= current else { return .hold(reason: reason) }
            return .act(replicas: replicas, failed: true)
        }
    }
}
