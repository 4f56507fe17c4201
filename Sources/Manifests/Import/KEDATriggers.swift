import Model

/// The triggers of a ScaledObject, one after the other, as metrics with rules and as schedules.
struct KEDATriggers {
    var policy: Policy
    var sources: [String: YAMLText] = [:]
    private var names: Set<String> = []

    init(policy: Policy) { self.policy = policy }

    private enum MetricType: String, CaseIterable {
        case averageValue = "AverageValue"
        case value = "Value"
        case utilization = "Utilization"
    }

    /// One trigger: its parts for the functions below.
    private struct Trigger {
        var place: Place
        var type: String
        var name: String?
        var metricType: MetricType?
        var metadata: [String: Place]

        func text(_ name: String) -> String? {
            guard case .scalar(let scalar)? = self.metadata[name]?.node.value, !scalar.text.isEmpty else { return nil }
            return scalar.text
        }
        func place(_ name: String) -> Place { self.metadata[name] ?? self.place }
    }

    mutating func read(_ place: Place, _ importing: inout Importing) {
        let known = ["type", "name", "useCachedMetrics", "metricType", "authenticationRef", "metadata"]
        guard let fields = place.fields(known: known), let type = fields.required("type")?.text("a trigger's type") else { return }
        fields["useCachedMetrics"]?.lose("readings are shared by all policies anyway")
        if case .mapping(let reference)? = fields["authenticationRef"]?.node.value {
            let name = reference.first { $0.name == "name" }?.value
            fields["authenticationRef"]?.lose(
                "secrets are not imported; give the Connection of this trigger password: { file: … } or { env: … }"
                    + (name == nil ? "" : ", as the TriggerAuthentication has it"))
        }
        var metadata: [String: Place] = [:]
        if let given = fields["metadata"], case .mapping(let entries) = given.node.value {
            for entry in entries {
                metadata[entry.name] = Place(
                    node: entry.value, pointer: Pointer.appending(entry.name, to: given.pointer), name: entry.name, report: place.report)
            }
        }
        let trigger = Trigger(
            place: place, type: type, name: fields["name"]?.text("a name"), metricType: fields["metricType"]?.choice(), metadata: metadata)
        var used: Set<String> = []
        switch type {
        case "cpu", "memory": used = self.resource(trigger)
        case "cron": used = self.cron(trigger)
        case "prometheus": used = self.prometheus(trigger, &importing)
        case "redis": used = self.redis(trigger, &importing)
        case "rabbitmq": used = self.rabbitmq(trigger, &importing)
        case "postgresql": used = self.postgresql(trigger, &importing)
        default:
            place.remark("the trigger “\(type.shortened)” is not carried over: write a metric and a rule for it by hand")
            return
        }
        for name in metadata.keys.sorted() where !used.contains(name) {
            trigger.place(name).lose(
                name.hasPrefix("activation") ? "the way from 0 is the rule's: any load above 0 wants a replica" : "Muster has no field for it here")
        }
    }

    /// A metric with a `track` rule. `source` goes in the place of what the model can't say.
    private mutating func add(_ trigger: Trigger, _ name: String, _ source: Metric.Source, _ threshold: String, standard: String? = nil, text: YAMLText? = nil)
    {
        guard let given = trigger.text(threshold) ?? standard else {
            trigger.place.fail(.missingField, "the trigger has no “\(threshold)”; add it")
            return
        }
        guard case .value(let target) = KubernetesQuantity.read(given), target > .zero, target <= Bounds.load else {
            trigger.place(threshold).fail(.wrongType, "“\(threshold)” is “\(given.shortened)”, not a number above 0 with at most three decimals")
            return
        }
        let unique = MetricName.unique(trigger.name ?? name, among: &self.names)
        let typed: Rule.Track.Target =
            switch trigger.metricType {
            case .value: .value(target)
            case .utilization: .averageUtilization(target)
            case .averageValue, nil: .averageValue(target)
            }
        self.policy.metrics.append(Metric(name: unique, source: source))
        self.policy.rules.append(Rule(.track(.init(metric: unique, target: typed))))
        self.sources[unique] = text
    }

    /// For sources that only their text can say.
    private static let unsaid = Metric.Source.sql(connection: "none", statement: "none")

    private static func text(_ connection: String, _ kind: String, _ value: YAMLText) -> YAMLText {
        .flow([("connection", .string(connection)), (kind, value)])
    }

    // MARK: - CPU and memory

    private mutating func resource(_ trigger: Trigger) -> Set<String> {
        var trigger = trigger
        if trigger.metricType == nil { trigger.metricType = MetricType(rawValue: trigger.text("type") ?? "") ?? .utilization }
        let container = trigger.text("containerName")
        let metric = KubernetesMetric(container == nil ? .resource : .containerResource, name: trigger.type, container: container)
        self.add(trigger, trigger.type, .kubernetes(metric), "value")
        return ["type", "value", "containerName"]
    }

    // MARK: - Cron

    /// Two expressions that differ in the time of day only become a beginning and a length.
    private mutating func cron(_ trigger: Trigger) -> Set<String> {
        let used: Set = ["timezone", "start", "end", "desiredReplicas"]
        guard let start = trigger.text("start"), let end = trigger.text("end"), let replicas = trigger.text("desiredReplicas").flatMap(DecimalText.init)?.whole,
            (0...ManifestLimits.replicas).contains(replicas)
        else {
            trigger.place.remark("the trigger “cron” is not carried over: it needs start, end and desiredReplicas")
            return used
        }
        guard let (cron, duration) = Self.window(start, end) else {
            trigger.place.remark(
                "the trigger “cron” is not carried over: its start “\(start.shortened)” and end “\(end.shortened)” differ in more than the time of day; "
                    + "write schedule: [{ cron, duration, minReplicas: \(replicas) }]")
            return used
        }
        let most = self.policy.maxReplicas
        if replicas > most { trigger.place("desiredReplicas").remark("the schedule's \(replicas) replicas become \(most), which is maxReplicas") }
        self.policy.schedule.append(
            .init(cron: cron, timeZone: trigger.text("timezone") ?? "UTC", duration: duration, minReplicas: min(replicas, most)))
        return used
    }

    static func window(_ start: String, _ end: String) -> (cron: String, duration: Duration)? {
        let (first, last) = (start.split(separator: " ").map(String.init), end.split(separator: " ").map(String.init))
        guard first.count == 5, last.count == 5, first[2...] == last[2...], let from = Self.minute(first), let to = Self.minute(last), from != to else {
            return nil
        }
        return (first.joined(separator: " "), .seconds(((to - from + 1440) % 1440) * 60))
    }

    /// Of the day, when minute and hour are plain numbers.
    private static func minute(_ fields: [String]) -> Int? {
        guard let minute = Int(fields[0]), let hour = Int(fields[1]), (0..<60).contains(minute), (0..<24).contains(hour) else { return nil }
        return hour * 60 + minute
    }

    // MARK: - Servers

    private mutating func prometheus(_ trigger: Trigger, _ importing: inout Importing) -> Set<String> {
        guard let query = trigger.text("query"), let address = trigger.text("serverAddress").flatMap({ Self.address($0, trigger.place("serverAddress")) })
        else {
            trigger.place.fail(.missingField, "the trigger “prometheus” needs serverAddress and query")
            return []
        }
        if trigger.text("ignoreNullValues") != "false" {
            trigger.place("ignoreNullValues").remark("KEDA takes an empty answer for 0 (ignoreNullValues); here it is missing, and nothing is lowered")
        }
        let connection = importing.connection("prometheus", [("prometheus", .string(address))])
        self.add(trigger, trigger.text("metricName") ?? "prometheus", Self.unsaid, "threshold", text: Self.text(connection, "prometheus", .string(query)))
        return ["serverAddress", "query", "threshold", "metricName", "ignoreNullValues"]
    }

    private mutating func redis(_ trigger: Trigger, _ importing: inout Importing) -> Set<String> {
        guard let list = trigger.text("listName") else {
            trigger.place.fail(.missingField, "the trigger “redis” needs listName")
            return []
        }
        let host = trigger.text("address") ?? trigger.text("host").map { "\($0):\(trigger.text("port") ?? "6379")" }
        let scheme = trigger.text("enableTLS") == "true" ? "rediss" : "redis"
        var connection = "redis"
        if let host, let address = Self.address("\(scheme)://\(host)/\(trigger.text("databaseIndex") ?? "0")", trigger.place("address")) {
            connection = importing.connection("redis", [("redis", .string(address))])
        } else {
            trigger.place.remark("the address of Redis is in the workload's environment: write the Connection “redis” by hand")
        }
        self.add(
            trigger, list, Self.unsaid, "listLength", standard: "5", text: Self.text(connection, "redis", .flow([("listName", .string(list))])))
        return ["address", "host", "port", "listName", "listLength", "enableTLS", "databaseIndex"]
    }

    private mutating func rabbitmq(_ trigger: Trigger, _ importing: inout Importing) -> Set<String> {
        guard let queue = trigger.text("queueName") else {
            trigger.place.fail(.missingField, "the trigger “rabbitmq” needs queueName")
            return []
        }
        var connection = "rabbitmq"
        if let host = trigger.text("host"), host.hasPrefix("http"), let address = Self.address(host, trigger.place("host")) {
            connection = importing.connection("rabbitmq", [("rabbitmq", .string(address))])
        } else {
            trigger.place("host").remark(
                "the address of RabbitMQ's management API is not in the manifest: write the Connection “rabbitmq” by hand; AMQP is not spoken")
        }
        let own = ["vhostName", "mode", "operation", "excludeUnacknowledged", "useRegex"]
        let fields = [("queueName", YAMLText.string(queue))] + own.compactMap { name in trigger.text(name).map { (name, YAMLText.string($0)) } }
        let threshold = trigger.text("value") == nil && trigger.text("queueLength") != nil ? "queueLength" : "value"
        self.add(trigger, queue, Self.unsaid, threshold, standard: "20", text: Self.text(connection, "rabbitmq", .flow(fields)))
        return Set(own).union(["host", "protocol", "queueName", "value", "queueLength"])
    }

    private mutating func postgresql(_ trigger: Trigger, _ importing: inout Importing) -> Set<String> {
        let used: Set = [
            "query", "targetQueryValue", "connectionFromEnv", "host", "port", "userName", "dbName", "sslmode", "passwordFromEnv", "password", "connection",
        ]
        guard let query = trigger.text("query") else {
            trigger.place.fail(.missingField, "the trigger “postgresql” needs query")
            return used
        }
        for name in ["password", "connection"] where trigger.metadata[name] != nil {
            trigger.place(name).lose("it may hold a secret; write the Connection by hand, with password: { file: … } or { env: … }")
        }
        var connection = "postgresql"
        if let host = trigger.text("host") {
            let parts = [
                ("host", host as String?), ("port", trigger.text("port")), ("dbname", trigger.text("dbName")), ("user", trigger.text("userName")),
                ("sslmode", trigger.text("sslmode")),
            ]
            let text = parts.compactMap { name, value in value.map { "\(name)=\(Self.libpq($0))" } }.joined(separator: " ")
            var fields: [(String, YAMLText)] = [("postgres", .string(text))]
            if let name = trigger.text("passwordFromEnv") {
                fields.append(("password", .flow([("env", .string(name))])))
                trigger.place("passwordFromEnv").remark("the variable \(name.shortened) must be in the environment of each Muster node, not of the workload")
            }
            connection = importing.connection("postgresql", fields)
        } else {
            trigger.place("connectionFromEnv").remark(
                "where the database is stands in the workload's environment: write the Connection “postgresql” by hand")
        }
        self.add(trigger, "postgresql", .sql(connection: connection, statement: query), "targetQueryValue")
        return used
    }

    /// A value of a libpq connection string.
    private static func libpq(_ value: String) -> String {
        guard value.isEmpty || value.contains(where: { " '\\".contains($0) }) else { return value }
        return "'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }

    /// An address without what stands before `@` in its host: that may be a password.
    private static func address(_ text: String, _ place: Place) -> String? {
        guard let slashes = text.firstRange(of: "://") else { return text.contains("@") ? nil : text }
        let rest = text[slashes.upperBound...]
        let host = rest.prefix { !"/?#".contains($0) }
        // A secret may itself hold what ends a host: then nothing of it is kept.
        guard let at = host.lastIndex(of: "@") else {
            guard rest.contains("@") else { return text }
            place.lose("it may hold a secret; write the Connection by hand")
            return nil
        }
        place.remark("the user and password in “\(place.name)” are not carried over; write password: { file: … } or { env: … } in the Connection")
        return String(text[..<slashes.upperBound]) + String(rest[rest.index(after: at)...])
    }
}
