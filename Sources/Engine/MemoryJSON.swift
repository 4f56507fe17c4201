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
        try json.expectFields(["version", "series", "conditions", "lastUp", "lastDown", "missingSince"], of: "memory")
        self.init(
            series: try json.list("series"), conditions: try json.list("conditions"),
            lastUp: try json.intIfPresent("lastUp").map(WallTime.init(microseconds:)),
            lastDown: try json.intIfPresent("lastDown").map(WallTime.init(microseconds:)),
            missingSince: try json.intIfPresent("missingSince").map(WallTime.init(microseconds:)))
    }
}

extension Memory.Series: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "metric": .string(self.metric), "samples": .array(self.samples.map(Self.json)),
            "lastGood": self.lastGood.map(Self.json),
        ])
    }

    public init(json: JSON) throws(JSONError) {
        try json.expectFields(["metric", "samples", "lastGood"], of: "a series")
        var samples: [Sample] = []
        for (index, element) in try json.array("samples").enumerated() {
            do { samples.append(try Self.sample(element)) } catch {
                throw error.inside(String(index)).inside("samples")
            }
        }
        var good: Sample?
        if let element = json["lastGood"], !element.isNull {
            do { good = try Self.sample(element) } catch { throw error.inside("lastGood") }
        }
        self.init(metric: try json.string("metric"), samples: samples, lastGood: good)
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
