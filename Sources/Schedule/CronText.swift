extension CronExpression: CustomStringConvertible {
    /// The expression in its one spelling, which ``init(parsing:)`` reads back to an equal value: `0 8 * * MON-FRI`. Months and weekdays are named, values
    /// ascend (weeks begin with Monday), three and more in a row are a range.
    public var text: String {
        let minutes = Self.field(.minute, self.minutes, isWildcard: self.wildcards.contains(.minute))
        let hours = Self.field(.hour, UInt64(self.hours), isWildcard: self.wildcards.contains(.hour))
        let days = Self.field(.dayOfMonth, UInt64(self.daysOfMonth), isWildcard: self.wildcards.contains(.dayOfMonth))
        // A restriction to all months is none.
        let months = Self.field(.month, UInt64(self.months), isWildcard: self.months.nonzeroBitCount == 12)
        let weekdays = Self.field(.dayOfWeek, UInt64(self.daysOfWeek), isWildcard: self.wildcards.contains(.dayOfWeek))
        return "\(minutes) \(hours) \(days) \(months) \(weekdays)"
    }

    /// Its ``text``.
    public var description: String { self.text }

    private static func field(_ field: CronField, _ mask: UInt64, isWildcard: Bool) -> String {
        let lowest = field.range.lowerBound
        // A week is told from Monday to Sunday, so that a weekend is one range.
        let order = field == .dayOfWeek ? [1, 2, 3, 4, 5, 6, 0] : Array(field.range)
        let positions = order.indices.filter { mask & (1 << UInt64(order[$0])) != 0 }
        func name(_ position: Int) -> String { field.names.isEmpty ? String(order[position]) : field.names[order[position] - lowest] }
        if isWildcard {
            // A wildcard's step is below the number of values, so it has two of them at least.
            let values = field.range.filter { mask & (1 << UInt64($0)) != 0 }
            return values.count == field.range.count || values.count < 2 ? "*" : "*/\(values[1] - values[0])"
        }
        if let step = Self.step(of: positions), let first = positions.first, let last = positions.last {
            let isWhole = first == 0 && last + step >= order.count
            if isWhole, field == .dayOfMonth || field == .month { return "*/\(step)" }
            return "\(name(first))-\(name(last))/\(step)"
        }
        var parts: [String] = []
        var index = 0
        while index < positions.count {
            var end = index
            while end + 1 < positions.count, positions[end + 1] == positions[end] + 1 { end += 1 }
            if end - index >= 2 {
                parts.append("\(name(positions[index]))-\(name(positions[end]))")
            } else {
                parts += positions[index...end].map(name)
            }
            index = end + 1
        }
        return parts.joined(separator: ",")
    }

    /// The distance above 1 that three or more positions keep, if they do.
    private static func step(of positions: [Int]) -> Int? {
        guard positions.count >= 3 else { return nil }
        let step = positions[1] - positions[0]
        guard step > 1, zip(positions, positions.dropFirst()).allSatisfy({ $1 - $0 == step }) else { return nil }
        return step
    }
}
