extension HPA {
    /// One line of the `status.conditions` of a HorizontalPodAutoscaler.
    struct Condition: Hashable, Sendable {
        var type: String
        /// `True`, `False` or `Unknown`.
        var status: String
        var reason: String
    }

    /// Conditions in the order in which they were first set; a later value takes the place of the one before.
    struct Conditions: Hashable, Sendable {
        static let ableToScale = "AbleToScale"
        static let scalingActive = "ScalingActive"
        static let scalingLimited = "ScalingLimited"
        static let scaledToZero = "ScaledToZero"

        private(set) var list: [Condition]

        init(_ list: [Condition]) { self.list = list }

        func isTrue(_ type: String) -> Bool { self.list.first { $0.type == type }?.status == "True" }
        func contains(_ type: String) -> Bool { self.list.contains { $0.type == type } }

        mutating func set(_ type: String, _ isTrue: Bool, _ reason: String) {
            let condition = Condition(type: type, status: isTrue ? "True" : "False", reason: reason)
            if let index = self.list.firstIndex(where: { $0.type == type }) {
                self.list[index] = condition
            } else {
                self.list.append(condition)
            }
        }

        mutating func remove(_ type: String) { self.list.removeAll { $0.type == type } }
    }
}
