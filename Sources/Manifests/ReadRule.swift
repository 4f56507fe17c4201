import Model

/// Reads the rules of a policy.
extension ReadManifest {
    private static let ruleKinds = ["track", "step", "capacity"]

    static func rules(_ fields: Fields) -> [Rule] {
        guard let place = fields.required("rules", "write at least one, such as track: { metric: cpu, averageUtilization: 70 }") else { return [] }
        let elements = place.elements("rules", maximum: ManifestLimits.rules) ?? []
        return elements.prefix(ManifestLimits.rules).compactMap(Self.rule)
    }

    private static func rule(_ place: Place) -> Rule? {
        guard let fields = place.fields(known: Self.ruleKinds + ["weight"], later: LaterVersions.ruleFields) else { return nil }
        let bodies = Self.ruleKinds.compactMap { fields[$0] }
        guard let body = bodies.first else {
            if !fields.hasLaterField(of: LaterVersions.ruleFields) {
                place.fail(.missingField, "the rule says nothing; write \(Place.listing(Self.ruleKinds, or: true))")
            }
            return nil
        }
        for second in bodies.dropFirst() {
            second.fail(.contradiction, "a rule is one of \(Place.listing(Self.ruleKinds)); make “\(second.name)” a rule of its own")
        }
        switch body.name {
        case "track": return Self.track(body, outer: fields)
        case "step": return Self.step(body, outer: fields)
        default: return Self.capacity(body, outer: fields)
        }
    }

    /// Weights stand inside the rule's body or beside it.
    private static func weight(_ inner: Fields, _ outer: Fields) -> Quantity {
        if let beside = outer["weight"], inner["weight"] != nil {
            beside.fail(.contradiction, "“weight” stands inside the rule and beside it; keep one")
        }
        let place = inner["weight"] ?? outer["weight"]
        return place?.quantity(in: .zero...Quantity(1000), above: true) ?? Quantity(1)
    }

    private static func metricName(_ fields: Fields) -> String? {
        fields.required("metric", "name one of the policy's metrics")?.manifestName()
    }

    private static func track(_ place: Place, outer: Fields) -> Rule? {
        let targets = ["averageUtilization", "averageValue", "value"]
        guard let fields = place.fields(known: ["metric"] + targets + ["tolerance", "weight"]) else { return nil }
        let metric = Self.metricName(fields)
        let weight = Self.weight(fields, outer)
        let tolerance = fields["tolerance"]?.quantity(in: .zero...Quantity(10))
        let given = targets.compactMap { fields[$0] }
        if given.isEmpty { place.fail(.missingField, "the target is missing; write \(Place.listing(targets, or: true))") }
        for second in given.dropFirst() {
            second.fail(.contradiction, "“track” has one target; remove “\(given[0].name)” or “\(second.name)”")
        }
        guard let target = given.first, let value = target.quantity(in: .zero...Bounds.load, above: true), let metric else { return nil }
        let typed: Rule.Track.Target =
            switch target.name {
            case "averageUtilization": .averageUtilization(value)
            case "averageValue": .averageValue(value)
            default: .value(value)
            }
        var track = Rule.Track(metric: metric, target: typed)
        assign(tolerance, to: &track.tolerance)
        return Rule(.track(track), weight: weight)
    }

    private static func step(_ place: Place, outer: Fields) -> Rule? {
        guard let fields = place.fields(known: ["metric", "above", "add", "below", "remove", "for", "weight"]) else { return nil }
        let metric = Self.metricName(fields)
        let weight = Self.weight(fields, outer)
        for (condition, effect) in [("above", "add"), ("below", "remove")] {
            switch (fields[condition], fields[effect]) {
            case (let condition?, nil): condition.fail(.missingField, "“\(condition.name)” does nothing without “\(effect)”; add it")
            case (nil, let effect?): effect.fail(.missingField, "“\(effect.name)” never happens without “\(condition)”; add it")
            default: break
            }
        }
        if fields["above"] == nil, fields["below"] == nil, fields["add"] == nil, fields["remove"] == nil {
            place.fail(.missingField, "the step says nothing; write “above” with “add”, “below” with “remove”, or both")
        }
        let loads = Quantity(milli: -Bounds.load.milli)...Bounds.load
        let above = fields["above"]?.quantity(in: loads)
        let below = fields["below"]?.quantity(in: loads)
        let add = fields["add"].flatMap { Self.amount($0, mostPercent: 1000) }
        let remove = fields["remove"].flatMap { Self.amount($0, mostPercent: 100) }
        let sustained = fields["for"]?.duration(in: .zero...Bounds.day)
        guard let metric else { return nil }
        return Rule(
            .step(.init(metric: metric, above: above, add: add, below: below, remove: remove, sustained: sustained ?? .zero)), weight: weight)
    }

    /// `2` or `"10%"`.
    private static func amount(_ place: Place, mostPercent: Int) -> Rule.Step.Amount? {
        guard let text = place.text("a number of replicas or a percentage such as 10%") else { return nil }
        guard text.hasSuffix("%") else { return place.int(in: 1...ManifestLimits.replicas).map { .replicas($0) } }
        guard let percent = DecimalText(String(text.dropLast()))?.whole else {
            place.fail(.wrongType, "“\(place.name)” is “\(text.shortened)”; write whole percent such as 10%")
            return nil
        }
        guard (1...mostPercent).contains(percent) else {
            place.fail(.outOfRange, "“\(place.name)” is \(percent)%; it must be from 1% to \(mostPercent)%")
            return place.report.purpose == .stored ? .percent(percent) : nil
        }
        return .percent(percent)
    }

    private static func capacity(_ place: Place, outer: Fields) -> Rule? {
        guard let fields = place.fields(known: ["metric", "perReplica", "upAt", "downAt", "step", "weight"]) else { return nil }
        let metric = Self.metricName(fields)
        let weight = Self.weight(fields, outer)
        let perReplica = fields.required("perReplica", "write how much one replica carries")?.quantity(in: .zero...Bounds.load, above: true)
        let upAt = fields["upAt"]?.quantity(in: .zero...Quantity(10), above: true)
        let downAt = fields["downAt"]?.quantity(in: .zero...Quantity(10))
        let step = fields["step"]?.int(in: 1...ManifestLimits.replicas)
        guard let metric, let perReplica else { return nil }
        var capacity = Rule.Capacity(metric: metric, perReplica: perReplica)
        assign(upAt, to: &capacity.upAt)
        assign(downAt, to: &capacity.downAt)
        assign(step, to: &capacity.step)
        return Rule(.capacity(capacity), weight: weight)
    }
}
