/// The JSON forms of pauses and overrides: what the API answers and `evaluate` reads.
extension Pause: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "id": .int(self.id), "scope": .string(self.scope.description),
            "direction": .string(self.direction.rawValue),
            "owner": .string(self.owner), "reason": .string(self.reason), "since": self.since.json,
            "until": self.until.json, "rolledBack": self.rolledBack.map { .string(ActionRecord.name($0)) },
        ])
    }
    public init(json: JSON) throws(JSONError) {
        let text = try json.string("scope")
        guard let scope = Scope(text) else {
            throw JSONError(
                pointer: "/scope",
                message: "“\(text)” is no scope; write all, region:NAME, service:NAME, policy:NAME or SERVICE/REGION")
        }
        self.init(
            id: try json.int("id"), scope: scope, direction: try json.choice("direction", of: Direction.self),
            owner: try json.string("owner"), reason: try json.string("reason"), since: try json.time("since"),
            until: try json.time("until"), rolledBack: try Self.action(json))
    }

    private static func action(_ json: JSON) throws(JSONError) -> Int64? {
        guard let text = try json.stringIfPresent("rolledBack") else { return nil }
        guard let id = Int64(text.dropFirst(2)), ActionRecord.name(id) == text else {
            throw JSONError(pointer: "/rolledBack", message: "“\(text)” is no action such as a-12")
        }
        return id
    }
}

extension Override: JSONEncodable, JSONDecodable {
    public var json: JSON {
        [
            "workload": .string(self.workload.description), "replicas": .int(Int64(self.replicas)),
            "owner": .string(self.owner),
            "reason": .string(self.reason), "since": self.since.json, "until": self.until.json,
        ]
    }
    public init(json: JSON) throws(JSONError) {
        guard let workload = WorkloadID(try json.string("workload")) else {
            throw JSONError(pointer: "/workload", message: "is not service/region")
        }
        self.init(
            workload: workload, replicas: Int(try json.int("replicas")), owner: try json.string("owner"),
            reason: try json.string("reason"), since: try json.time("since"), until: try json.time("until"))
    }
}
