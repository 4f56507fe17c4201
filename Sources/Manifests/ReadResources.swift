import Model

/// Reads documents into manifests: everything but policies.
enum ReadManifest {
    /// The manifest in `root`, or nil with findings in `report`.
    static func read(_ root: DocumentNode, report: Report) -> Manifest? {
        let place = Place(node: root, pointer: "", name: "the document", report: report)
        guard case .mapping(let fields) = root.value else {
            place.fail(.wrongType, "a document is a mapping with kind and name; this is \(root.sort)")
            return nil
        }
        if Self.isHPA(root) {
            report.document = ReadHPA.reference(fields)
            let policy = ReadHPA.policy(place)
            return report.hasErrors ? nil : policy.map { .policy($0) }
        }
        guard let kind = Self.kind(place, fields) else { return nil }
        report.document = Self.reference(kind, fields)
        let manifest: Manifest? =
            switch kind {
            case .region: Self.region(place).map { .region($0) }
            case .connection: Self.connection(place).map { .connection($0) }
            case .service: Self.service(place).map { .service($0) }
            case .policy: Self.policy(place).map { .policy($0) }
            case .budget: Self.budget(place).map { .budget($0) }
            }
        return report.hasErrors ? nil : manifest
    }

    static func isHPA(_ root: DocumentNode) -> Bool { root.text(of: "kind") == ReadHPA.kind }

    private static func kind(_ place: Place, _ fields: [DocumentNode.Field]) -> Manifest.Kind? {
        let known = Manifest.Kind.allCases.map(\.rawValue)
        guard let field = fields.first(where: { $0.name == "kind" }) else {
            place.fail(.missingField, "the field “kind” is missing; write \(Place.listing(known, or: true))")
            return nil
        }
        let kind = Place(node: field.value, pointer: "/kind", name: "kind", report: place.report)
        guard let text = kind.text(Place.listing(known, or: true)) else { return nil }
        if let value = Manifest.Kind(rawValue: text) { return value }
        if LaterVersions.kinds.contains(text) {
            kind.notAvailable("the kind “\(text)”")
        } else if text == "ScaledObject" {
            kind.fail(.unknownKind, "a ScaledObject is KEDA's; make manifests of it: muster import FILE")
        } else {
            let near = nearest(text, in: known + [ReadHPA.kind])
            kind.fail(.unknownKind, "unknown kind “\(text.shortened)”" + (near == nil ? "; known are \(Place.listing(known))" : ""), near: near)
        }
        return nil
    }

    /// What the document speaks of, for its findings; the name is judged later.
    static func reference(_ kind: Manifest.Kind, _ fields: [DocumentNode.Field]) -> Manifest.Reference? {
        guard case .scalar(let scalar)? = fields.first(where: { $0.name == "name" })?.value.value, ManifestName.objection(to: scalar.text) == nil
        else { return nil }
        return Manifest.Reference(kind: kind, name: scalar.text)
    }

    private static func region(_ place: Place) -> Region? {
        guard let fields = place.fields(known: ["kind", "name", "costPerReplicaHour", "maxReplicas", "failover"]) else { return nil }
        let name = fields.required("name")?.manifestName()
        let cost = fields["costPerReplicaHour"]?.quantity(in: .zero...Bounds.money)
        let most = fields["maxReplicas"]?.int(in: 0...ManifestLimits.replicas)
        let failover = fields["failover"].flatMap { Self.failover($0, of: name) }
        guard let name else { return nil }
        return Region(name: name, costPerReplicaHour: cost, maxReplicas: most, failover: failover)
    }

    private static func failover(_ place: Place, of region: String?) -> Region.Failover? {
        guard let fields = place.fields(known: ["to", "share", "fade"]) else { return nil }
        let places = fields.required("to", "name the regions that take the load")?.elements("regions", maximum: ManifestLimits.failoverRegions) ?? []
        let names = places.compactMap { place -> String? in
            let name = place.manifestName()
            if let name, name == region { place.fail(.contradiction, "a region can't take its own load when it is down; name another one") }
            return name
        }
        let share = fields["share"]?.quantity(in: .zero...Quantity(10), above: true)
        let fade = fields["fade"]?.duration(in: .zero...ManifestLimits.failoverFade)
        guard !names.isEmpty else { return nil }
        return Region.Failover(to: Set(names).sorted(), share: share ?? Quantity(1), fade: fade ?? Region.Failover.defaultFade)
    }

    private static func connection(_ place: Place) -> Connection? {
        guard let fields = place.fields(known: ["kind", "name", "postgres", "password"], later: LaterVersions.connectionFields) else { return nil }
        let name = fields.required("name")?.manifestName()
        let hasLaterKind = fields.hasLaterField(of: LaterVersions.connectionFields)
        let postgres =
            (hasLaterKind ? fields["postgres"] : fields.required("postgres", "write a libpq connection string without a password"))
            .flatMap(Self.connectionString)
        let password = fields["password"].flatMap(Self.secret)
        guard let name, let postgres else { return nil }
        return Connection(name: name, postgres: postgres, password: password)
    }

    /// Never repeats the string: it might hold what must not be shown.
    private static func connectionString(_ place: Place) -> String? {
        guard let text = place.line("a libpq connection string", maximumBytes: ManifestLimits.connectionBytes) else { return nil }
        switch ConnectionString.inspect(text) {
        case .fine: return text
        case .malformed(let why): place.fail(.syntax, "the connection string \(why)")
        case .secret(let parameter):
            place.fail(
                .secretInManifest,
                "the connection string holds a secret (\(parameter)); remove it and write password: { file: /path } or { env: NAME } beside it")
        }
        return nil
    }

    private static func secret(_ place: Place) -> SecretReference? {
        guard case .mapping = place.node.value else {
            place.fail(
                .secretInManifest, "“password” holds a value; a secret never stands in a manifest: write { file: /path } or { env: NAME }")
            return nil
        }
        guard let fields = place.fields(known: ["file", "env"]) else { return nil }
        switch (fields["file"], fields["env"]) {
        case (let file?, nil):
            guard let path = file.line("an absolute path", maximumBytes: ManifestLimits.connectionBytes) else { return nil }
            if !path.hasPrefix("/") { file.fail(.outOfRange, "“file” must be an absolute path; a node's working directory is not yours") }
            return .file(path)
        case (nil, let env?):
            guard let name = env.line("a variable's name", maximumBytes: ManifestLimits.labelBytes) else { return nil }
            let letters = name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || Unicode.Scalar($0).properties.isAlphabetic || isDigit($0) }
            if !letters || name.utf8.first.map(isDigit) ?? true || !name.utf8.allSatisfy({ $0 < 0x80 }) {
                env.fail(.outOfRange, "“env” must be a variable's name: letters, digits and “_”, not starting with a digit")
            }
            return .environment(name)
        case (nil, nil): place.fail(.missingField, "“password” names no place; write { file: /path } or { env: NAME }")
        default: place.fail(.contradiction, "“password” names two places; keep “file” or “env”")
        }
        return nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func service(_ place: Place) -> Service? {
        let known = ["kind", "name", "owner", "priority", "startup", "workloads"]
        guard let fields = place.fields(known: known, later: LaterVersions.serviceFields) else { return nil }
        let name = fields.required("name")?.manifestName()
        let owner = fields["owner"]?.line("who answers for it", maximumBytes: ManifestLimits.labelBytes)
        let priority = fields["priority"]?.int(in: Bounds.priority)
        let startup = fields["startup"]?.duration(in: .zero...Bounds.day)
        var workloads: [String: DriverTarget] = [:]
        let regions = fields.required("workloads", "write one entry for each region, such as eu-west: { driver: manual }")
        for entry in regions?.entries("regions", maximum: ManifestLimits.workloads) ?? [] {
            if let target = Self.target(entry) { workloads[entry.name] = target }
        }
        if let regions, case .mapping(let entries) = regions.node.value, entries.isEmpty {
            regions.fail(.outOfRange, "“workloads” is empty; write one entry for each region")
        }
        guard let name else { return nil }
        return Service(name: name, owner: owner, priority: priority ?? 0, startup: startup ?? .zero, workloads: workloads)
    }

    private static func target(_ place: Place) -> DriverTarget? {
        guard case .mapping(let fields) = place.node.value else {
            place.fail(.wrongType, "the workload in “\(place.name.shortened)” is \(place.node.sort); write a mapping such as { driver: manual }")
            return nil
        }
        let drivers = ["exec", "manual"]
        guard let field = fields.first(where: { $0.name == "driver" }) else {
            place.fail(.missingField, "the field “driver” is missing; write \(Place.listing(drivers, or: true))")
            return nil
        }
        let driver = Place(node: field.value, pointer: Pointer.appending("driver", to: place.pointer), name: "driver", report: place.report)
        guard let text = driver.text(Place.listing(drivers, or: true)) else { return nil }
        switch text {
        case "exec":
            guard let fields = place.fields(known: ["driver", "observe", "scale", "restart"]) else { return nil }
            let observe = fields.required("observe", "write the program and its arguments as a list").flatMap(Self.command)
            let scale = fields.required("scale", "write the program and its arguments as a list").flatMap(Self.command)
            let restart = fields["restart"].map(Self.command)
            if case .some(.none) = restart { return nil }
            guard let observe, let scale else { return nil }
            return .exec(observe: observe, scale: scale, restart: restart ?? nil)
        case "manual":
            return place.fields(known: ["driver"]) == nil ? nil : .manual
        case _ where LaterVersions.drivers.contains(text):
            driver.notAvailable("driver “\(text)”")
        default:
            let near = nearest(text, in: drivers + LaterVersions.drivers)
            driver.fail(
                .unknownValue, "unknown driver “\(text.shortened)”" + (near == nil ? "; known are \(Place.listing(drivers))" : ""), near: near)
        }
        return nil
    }

    private static func command(_ place: Place) -> [String]? {
        guard let words = place.elements("words", maximum: ManifestLimits.commandWords) else { return nil }
        let texts = words.enumerated().compactMap { index, word -> String? in
            guard let text = word.text("a word of the command") else { return nil }
            if text.utf8.count > ManifestLimits.commandWordBytes {
                word.fail(.outOfRange, "a word of “\(place.name)” is longer than the \(ManifestLimits.commandWordBytes) bytes allowed")
            }
            if text.utf8.contains(0) { word.fail(.outOfRange, "a word of “\(place.name)” holds a NUL character; remove it") }
            if index == 0, !Self.isProgramName(text) {
                word.fail(
                    .outOfRange,
                    "“\(text.shortened)” is not a program's plain name; programs come from the node's own directory, so write no path")
            }
            return text
        }
        return texts.count == words.count && !texts.isEmpty ? texts : nil
    }

    private static func isProgramName(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-"), text.utf8.count <= 255 else { return false }
        return text.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || isDigit(UInt8($0.value)) || "._+-@".unicodeScalars.contains($0))
        }
    }

    private static func budget(_ place: Place) -> Budget? {
        guard let fields = place.fields(known: ["kind", "name", "selector", "maxReplicas", "maxCostPerHour"]) else { return nil }
        let name = fields.required("name")?.manifestName()
        let selector = fields.required("selector", "write which workloads it is for, such as { regions: [\"*\"] }").flatMap(Self.selector)
        let replicas = fields["maxReplicas"]?.int(in: 0...ManifestLimits.replicas)
        let cost = fields["maxCostPerHour"]?.quantity(in: .zero...Bounds.money)
        if fields["maxReplicas"] == nil, fields["maxCostPerHour"] == nil {
            place.fail(.missingField, "the budget limits nothing; write “maxReplicas” or “maxCostPerHour”")
        }
        guard let name, let selector else { return nil }
        return Budget(name: name, selector: selector, maxReplicas: replicas, maxCostPerHour: cost)
    }

    static func selector(_ place: Place) -> Selector? {
        guard let fields = place.fields(known: ["services", "regions"]) else { return nil }
        if fields["services"] == nil, fields["regions"] == nil {
            place.fail(.missingField, "the selector is empty; write “services” or “regions”, [\"*\"] for all")
        }
        func names(_ field: String) -> [String] {
            guard let place = fields[field] else { return ["*"] }
            let elements = place.elements("names", maximum: ManifestLimits.selectorNames) ?? []
            return elements.compactMap { element in
                guard case .scalar(let scalar) = element.node.value, scalar.text == "*" else { return element.manifestName() }
                return "*"
            }
        }
        return Selector(services: names("services"), regions: names("regions")).normalized
    }
}

/// Ranges of numbers and durations that make sense anywhere.
enum Bounds {
    /// A cluster's currency has no larger bill an hour.
    static let money = Quantity(1_000_000_000)
    /// Thresholds and loads: far from a quantity's end, so that products with replicas are rare to saturate.
    static let load = Quantity(1_000_000_000_000)
    static let priority = -1_000_000...1_000_000
    static let second: Duration = .seconds(1)
    static let minute: Duration = .seconds(60)
    static let hour: Duration = .seconds(3600)
    static let day: Duration = .seconds(86_400)
    static let week: Duration = .seconds(7 * 86_400)
    static let year: Duration = .seconds(366 * 86_400)
}

extension Selector {
    /// Its one spelling: sorted, each name once, `*` alone.
    var normalized: Selector {
        func normal(_ names: [String]) -> [String] { names.contains("*") ? ["*"] : Set(names).sorted() }
        return Selector(services: normal(self.services), regions: normal(self.regions))
    }
}
