public import Model

/// The stored form. Times are microseconds, because RFC 3339 in milliseconds would lose the rest; values are decimal
/// strings.
extension Memory: JSONEncodable, JSONDecodable {
    /// The form's version. A later one may hold what this version can't honour, so it is refused rather than misread.
    static let formatVersion: Int64 = 1

    public var json: JSON {
        .fields([
            "version": .int(Self.formatVersion),
            "series": .array(self.series.map(\.json)),
            "conditions": .array(self.conditions.map(\.json)),
            "lastUp": self.lastUp.map { .int($0.microseconds) },
            "lastDown": self.lastDown.map { .int($0.microseconds) },
            "missingSince": self.missingSince.map { .int($0.microseconds) },
            "recommendations": Self.json(self.recommendations), "ups": Self.json(self.ups), "downs": Self.json(self.downs),
            "guards": self.guards.isEmpty ? nil : .array(self.guards.map(\.json)), "record": self.record == 0 ? nil : .int(self.record),
            "pending": self.pendingAt.map { [.int($0.microseconds), .int(self.pending)] },
        ])
    }

    public init(json: JSON) throws(JSONError) {
        let version = try json.int("version")
        guard version == Self.formatVersion else {
            throw JSONError(
                pointer: "/version",
                message: "is \(version); this version of Muster reads \(Self.formatVersion): "
                    + "run the version that wrote it, or a later one")
        }
        try json.expectFields(
            [
                "version", "series", "conditions", "lastUp", "lastDown", "missingSince", "recommendations", "ups", "downs", "guards", "record", "pending",
            ], of: "memory")
        self.init(
            series: try json.list("series"), conditions: try json.list("conditions"),
            lastUp: try json.intIfPresent("lastUp").map(WallTime.init(microseconds:)),
            lastDown: try json.intIfPresent("lastDown").map(WallTime.init(microseconds:)),
            missingSince: try json.intIfPresent("missingSince").map(WallTime.init(microseconds:)))
        self.recommendations = try Self.entries(json, "recommendations")
        self.ups = try Self.entries(json, "ups")
        self.downs = try Self.entries(json, "downs")
        if json["guards"] != nil { self.guards = try json.list("guards") }
        self.record = try json.intIfPresent("record") ?? 0
        guard json["pending"] != nil else { return }
        let pending = try json.array("pending")
        guard pending.count == 2, let at = pending[0].intValue, let bits = pending[1].intValue else {
            throw JSONError(pointer: "/pending", message: "is not a pair of a time in microseconds and a number")
        }
        (self.pendingAt, self.pending) = (WallTime(microseconds: at), bits)
    }

    private static func json(_ entries: [Entry]) -> JSON? {
        entries.isEmpty ? nil : .array(entries.map { [.int($0.at.microseconds), .int(Int64($0.replicas))] })
    }

    private static func entries(_ json: JSON, _ name: String) throws(JSONError) -> [Entry] {
        guard json[name] != nil else { return [] }
        var entries: [Entry] = []
        for (index, element) in try json.array(name).enumerated() {
            guard let pair = element.arrayValue, pair.count == 2, let at = pair[0].intValue, let replicas = pair[1].intValue,
                (0...Int64(Exact.maximumReplicas)).contains(replicas)
            else { throw JSONError(message: "is not a pair of a time in microseconds and a number of replicas").inside(String(index)).inside(name) }
            entries.append(Entry(replicas: Int(replicas), at: WallTime(microseconds: at)))
        }
        return entries
    }
}

extension Memory.Guarded: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "guard": .string(self.guarding), "since": self.since.map { .int($0.microseconds) }, "fired": .array(self.fired.map { .int($0.microseconds) }),
        ])
    }
    public init(json: JSON) throws(JSONError) {
        try json.expectFields(["guard", "since", "fired"], of: "a guard")
        var fired: [WallTime] = []
        for (index, element) in try json.array("fired").enumerated() {
            guard let time = element.intValue else { throw JSONError(message: "is not a time in microseconds").inside(String(index)).inside("fired") }
            fired.append(WallTime(microseconds: time))
        }
        self.init(guarding: try json.string("guard"), since: try json.intIfPresent("since").map(WallTime.init(microseconds:)), fired: fired)
    }
}

extension Memory.Series: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "metric": .string(self.metric), "samples": .array(self.samples.map(Self.json)),
            "lastGood": self.lastGood.map(Self.json), "askedSince": self.askedSince.map { .int($0.microseconds) },
            "believed": self.believed.map(Self.json),
            "doubtedFor": self.doubtedFor == 0 ? nil : .int(Int64(self.doubtedFor)),
        ])
    }

    public init(json: JSON) throws(JSONError) {
        try json.expectFields(["metric", "samples", "lastGood", "askedSince", "believed", "doubtedFor"], of: "a series")
        var samples: [Sample] = []
        for (index, element) in try json.array("samples").enumerated() {
            do { samples.append(try Self.sample(element)) } catch {
                throw error.inside(String(index)).inside("samples")
            }
        }
        self.init(
            metric: try json.string("metric"), samples: samples, lastGood: try Self.sampleIfPresent(json, "lastGood"),
            askedSince: try json.intIfPresent("askedSince").map(WallTime.init(microseconds:)))
        self.believed = try Self.sampleIfPresent(json, "believed")
        self.doubtedFor = Int(try json.intIfPresent("doubtedFor") ?? 0)
    }

    private static func sampleIfPresent(_ json: JSON, _ name: String) throws(JSONError) -> Sample? {
        guard let element = json[name], !element.isNull else { return nil }
        do { return try Self.sample(element) } catch { throw error.inside(name) }
    }

    private static func json(_ sample: Sample) -> JSON { [.int(sample.at.microseconds), sample.value.json] }
    private static func sample(_ json: JSON) throws(JSONError) -> Sample {
        guard let pair = json.arrayValue, pair.count == 2, let at = pair[0].intValue else {
            throw JSONError(message: "is not a pair of a time in microseconds and a value")
        }
        return Sample(value: try Quantity(json: pair[1]), at: WallTime(microseconds: at))
    }
}

extension Memory.Condition: JSONEncodable, JSONDecodable {
    public var json: JSON {
        [
            "metric": .string(self.metric), "side": .string(self.side.rawValue), "threshold": self.threshold.json,
            "since": .int(self.since.microseconds),
        ]
    }
    public init(json: JSON) throws(JSONError) {
        try json.expectFields(["metric", "side", "threshold", "since"], of: "a condition")
        self.init(
            metric: try json.string("metric"), side: try json.choice("side", of: Side.self),
            threshold: try json.decode("threshold"),
            since: WallTime(microseconds: try json.int("since")))
    }
}
