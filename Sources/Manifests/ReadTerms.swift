import Model

/// Reads the terms of a policy that depend on the time, on doubt, and on people.
extension ReadManifest {
    static func terms(_ fields: Fields, _ policy: inout Policy) {
        policy.schedule = Self.list(fields["schedule"], "entries with cron and duration", ManifestLimits.recurrences, Self.scheduleEntry)
        policy.freeze = Self.list(fields["freeze"], "entries with cron, duration and reason", ManifestLimits.recurrences, Self.freeze)
        policy.plausible = fields["plausible"].flatMap(Self.plausible)
        policy.guards = Self.list(fields["guards"], "entries with when, and notify or restart", ManifestLimits.guards, Self.guardEntry)
        policy.approval = fields["approval"].flatMap(Self.approval)
        assign(fields["regionDownAfter"]?.duration(in: Bounds.second...Bounds.hour), to: &policy.regionDownAfter)
    }

    private static func list<Value>(_ place: Place?, _ what: String, _ maximum: Int, _ read: (Place) -> Value?) -> [Value] {
        (place?.elements(what, maximum: maximum, mayBeEmpty: true) ?? []).prefix(maximum).compactMap(read)
    }

    // MARK: - Schedules

    private static func scheduleEntry(_ place: Place) -> Policy.ScheduleEntry? {
        guard let fields = place.fields(known: ["cron", "timeZone", "duration", "minReplicas", "maxReplicas"]) else { return nil }
        let cron = fields.required("cron", Self.cronHint).flatMap(Self.cron)
        let zone = fields["timeZone"].flatMap(Self.timeZone)
        let duration = fields.required("duration", "write how long it lasts, such as 10h")?.duration(in: Bounds.minute...Bounds.year)
        let least = fields["minReplicas"]?.int(in: 0...ManifestLimits.replicas)
        let most = fields["maxReplicas"]?.int(in: 1...ManifestLimits.replicas)
        if fields["minReplicas"] == nil, fields["maxReplicas"] == nil {
            place.fail(.missingField, "the entry changes nothing; write “minReplicas” or “maxReplicas”")
        }
        guard let cron, let duration else { return nil }
        return Policy.ScheduleEntry(cron: cron, timeZone: zone ?? "UTC", duration: duration, minReplicas: least, maxReplicas: most)
    }

    private static func freeze(_ place: Place) -> Policy.Freeze? {
        guard let fields = place.fields(known: ["cron", "timeZone", "duration", "reason"]) else { return nil }
        let cron = fields.required("cron", Self.cronHint).flatMap(Self.cron)
        let zone = fields["timeZone"].flatMap(Self.timeZone)
        let duration = fields.required("duration", "write how long it lasts, such as 62h")?.duration(in: Bounds.minute...Bounds.year)
        let reason = fields.required("reason", "say why; whoever is held back reads it")?.line("a reason", maximumBytes: ManifestLimits.labelBytes)
        guard let cron, let duration, let reason else { return nil }
        return Policy.Freeze(cron: cron, timeZone: zone ?? "UTC", duration: duration, reason: reason)
    }

    private static let cronHint = "write when it begins, such as \"0 8 * * MON-FRI\""

    /// The one place where cron expressions are judged: here, that there are five fields. Single spaces are their one spelling.
    private static func cron(_ place: Place) -> String? {
        let expected = "five fields such as \"0 8 * * MON-FRI\""
        guard let text = place.line(expected, maximumBytes: ManifestLimits.cronBytes), !text.isEmpty else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count == 5 else {
            place.fail(.wrongType, "“\(place.name)” has \(fields.count) fields; write five (minute, hour, day, month, weekday), such as 0 8 * * MON-FRI")
            return nil
        }
        return fields.joined(separator: " ")
    }

    /// A name as the IANA database writes them. Whether it exists is the node's to say: it has the database.
    private static func timeZone(_ place: Place) -> String? {
        guard let text = place.line("a time zone such as Europe/Berlin", maximumBytes: ManifestLimits.timeZoneBytes), !text.isEmpty else {
            return nil
        }
        let letters = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "/_+-".utf8.contains(byte)
            }
        }
        guard letters, !text.hasPrefix("/"), !text.hasSuffix("/"), !text.contains("//") else {
            place.fail(.invalidName, "“\(text.shortened)” is no time zone; write a name of the IANA database such as Europe/Berlin, or UTC")
            return nil
        }
        return text
    }

    // MARK: - Doubt, guards, approval

    private static func plausible(_ place: Place) -> Policy.Plausible? {
        guard let fields = place.fields(known: ["maxDrop", "per", "fleetDrop"]) else { return nil }
        let hundred = Quantity(100)
        let drop = fields.required("maxDrop", "write the largest fall that is believed, such as 60%")?.percent(in: .zero...hundred, above: true)
        let per = fields.required("per", "write within which time, such as 1m")?.duration(in: Bounds.second...Bounds.hour)
        let fleet = fields["fleetDrop"]?.percent(in: .zero...hundred, above: true)
        guard let drop, let per else { return nil }
        return Policy.Plausible(maxDrop: drop, per: per, fleetDrop: fleet)
    }

    private static func guardEntry(_ place: Place) -> Policy.Guard? {
        guard let fields = place.fields(known: ["when", "for", "notify", "restart", "atMost"]) else { return nil }
        let when = fields.required("when", "write a condition such as \"errors > 5\"").flatMap(Self.condition)
        let sustained = fields["for"]?.duration(in: .zero...Bounds.day)
        let effect = Self.effect(place, fields)
        let atMost = fields["atMost"].flatMap(Self.limit)
        guard let when, let effect else { return nil }
        return Policy.Guard(when: when, sustained: sustained ?? .zero, effect: effect, atMost: atMost ?? Policy.Guard.defaultLimit)
    }

    private static func effect(_ place: Place, _ fields: Fields) -> Policy.Guard.Effect? {
        switch (fields["notify"], fields["restart"]) {
        case (let notify?, nil): return notify.choice(of: Policy.Guard.Severity.self).map { .notify($0) }
        case (nil, let restart?):
            guard let flag = restart.flag() else { return nil }
            if !flag { restart.fail(.contradiction, "“restart: false” does nothing; write restart: true, or notify") }
            return .restart
        case (nil, nil): place.fail(.missingField, "the guard does nothing; write “notify” or “restart”")
        case (_?, let restart?): restart.fail(.contradiction, "a guard does one thing; make “restart” a guard of its own")
        }
        return nil
    }

    /// `1/10m`: so often within so long.
    private static func limit(_ place: Place) -> Policy.Guard.Limit? {
        guard let text = place.text("how often, such as 1/10m") else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = DecimalText(String(parts[0]))?.whole else {
            place.fail(.wrongType, "“\(place.name)” is “\(text.shortened)”; write how often within which time, such as 1/10m")
            return nil
        }
        if !(1...1000).contains(count) { place.fail(.outOfRange, "“\(place.name)” is \(count) times; it must be from 1 to 1000") }
        return place.duration(String(parts[1]), in: Bounds.second...Bounds.week).map { Policy.Guard.Limit(count: count, per: $0) }
    }

    private static func approval(_ place: Place) -> Policy.Approval? {
        guard let fields = place.fields(known: ["above"]) else { return nil }
        return fields.required("above", "write by how many replicas a change may go without a second person")?
            .int(in: 0...ManifestLimits.replicas).map { Policy.Approval(above: $0) }
    }
}
