import Cluster
import Election
import Foundation
import Manifests
import Postgres
import TLS
import Yams

/// A node's configuration: one YAML file, each key of which an environment variable `MUSTER_…` overrides.
struct NodeConfiguration: Sendable {
    var cluster: String
    var name: String
    var region: String
    var database: ConnectionConfiguration
    /// The certificate that identifies this node to other nodes; nil when none is configured.
    var identity: CertificateFiles?
    /// Where this node speaks with other nodes; nil: it speaks with none.
    var peers: PeerEndpoint?
    /// Where this node's supervisor answers; nil: it has none.
    var supervisor: SupervisorEndpoint?
    /// Effects need a majority of the nodes; nil: they don't.
    var strict: StrictMode?
    var listenHost: String
    var listenPort: Int
    var advertise: String
    var apiCertificate: String
    var apiKey: String
    var metricsArePublic: Bool
    var execDirectory: String?
    var dataDirectory: String
    var timing: Timing
    var logLevel: String

    struct PeerEndpoint: Sendable, Hashable {
        var host: String
        var port: Int
        /// HOST:PORT that other nodes dial.
        var advertise: String
        /// A refused connection counts as the end of the process that listened there.
        var trustsRefusal: Bool
    }

    struct SupervisorEndpoint: Sendable, Hashable {
        var host: String
        var port: Int
        /// HOST:PORT that other nodes dial.
        var advertise: String
    }

    /// Every key that may stand in the file, in the order of the documentation.
    static let keys = [
        "cluster", "node.name", "node.region", "postgres.dsn", "postgres.password.file", "postgres.password.env", "peers.listen", "peers.advertise",
        "peers.certificate", "peers.key", "peers.authority", "peers.trustRefused", "supervisor.listen", "supervisor.advertise",
        "http.listen", "http.advertise", "http.certificate", "http.key", "metrics.public", "drivers.exec.directory", "data",
        "timing", "strict.members", "log.level",
    ]

    /// The variable that overrides `key`: `MUSTER_HTTP_LISTEN` for `http.listen`.
    static func variable(for key: String) -> String {
        "MUSTER_" + key.uppercased().replacingOccurrences(of: ".", with: "_")
    }

    /// A configuration larger than this is not one.
    private static let maximumBytes = 256 << 10

    static func load(path: String, environment: [String: String] = ProcessInfo.processInfo.environment) throws -> NodeConfiguration {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure("\(path) can't be read; give the node's configuration with --config FILE")
        }
        guard data.count <= Self.maximumBytes else { throw Failure("\(path) is larger than \(Self.maximumBytes) bytes: is it the right file?") }
        var values = try Self.flatten(String(decoding: data, as: UTF8.self), path: path)
        for key in Self.keys {
            if let value = environment[Self.variable(for: key)] { values[key] = value }
        }
        return try Self.make(values, path: path, environment: environment, base: URL(fileURLWithPath: path).deletingLastPathComponent())
    }

    private static func make(
        _ values: [String: String], path: String, environment: [String: String], base: URL
    ) throws -> NodeConfiguration {
        func required(_ key: String) throws -> String {
            guard let value = values[key], !value.isEmpty else {
                throw Failure("\(path): “\(key)” is missing; set it there or in \(Self.variable(for: key))")
            }
            return value
        }
        func file(_ key: String) throws -> String { Self.resolve(try required(key), base) }
        func flag(_ key: String) throws -> Bool {
            let text = values[key] ?? "false"
            guard ["true", "false"].contains(text) else { throw Failure("\(path): \(key) is “\(text)”, expected true or false") }
            return text == "true"
        }
        let (host, port) = try Self.endpoint(try required("http.listen"), key: "http.listen", path: path, example: "0.0.0.0:7443")
        let peers = try values["peers.listen"].map { listen in
            let (host, port) = try Self.endpoint(listen, key: "peers.listen", path: path, example: "0.0.0.0:7444")
            guard values["peers.certificate"] != nil else {
                throw Failure("\(path): peers.listen needs peers.certificate, peers.key and peers.authority: nodes speak only with nodes they know")
            }
            let advertised = try Self.advertised("peers.advertise", values, path: path, example: "a.internal:7444")
            return PeerEndpoint(host: host, port: port, advertise: advertised ?? Self.authority(host, port), trustsRefusal: try flag("peers.trustRefused"))
        }
        let supervisor = try values["supervisor.listen"].map { listen in
            let (host, port) = try Self.endpoint(listen, key: "supervisor.listen", path: path, example: "0.0.0.0:7445")
            guard peers != nil else { throw Failure("\(path): supervisor.listen needs peers.listen: it answers other nodes, with the same certificate") }
            let advertised = try Self.advertised("supervisor.advertise", values, path: path, example: "a.internal:7445")
            return SupervisorEndpoint(host: host, port: port, advertise: advertised ?? Self.authority(host, port))
        }
        let name = try required("node.name")
        let profile = values["timing"] ?? "default"
        guard let timing = Timing(profile: profile) else { throw Failure("\(path): timing is “\(profile)”, expected default, fast or wan") }
        return NodeConfiguration(
            cluster: try required("cluster"), name: name, region: try required("node.region"),
            database: ConnectionConfiguration(
                try required("postgres.dsn"), password: try Self.password(values, path: path, environment: environment, base: base),
                applicationName: "muster-\(name)"),
            identity: values["peers.certificate"] == nil
                ? nil
                : CertificateFiles(
                    certificate: try file("peers.certificate"), key: try file("peers.key"), authority: try file("peers.authority")),
            peers: peers, supervisor: supervisor, strict: try Self.strict(values["strict.members"], peers: peers, path: path),
            listenHost: host, listenPort: port, advertise: values["http.advertise"] ?? "https://\(Self.authority(host, port))",
            apiCertificate: try file("http.certificate"), apiKey: try file("http.key"), metricsArePublic: try flag("metrics.public"),
            execDirectory: values["drivers.exec.directory"].map { Self.resolve($0, base) }, dataDirectory: try file("data"), timing: timing,
            logLevel: values["log.level"] ?? "info")
    }

    private static func endpoint(_ text: String, key: String, path: String, example: String) throws -> (host: String, port: Int) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port) else {
            throw Failure("\(path): \(key) is “\(text)”, expected HOST:PORT such as \(example)")
        }
        return (text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]")), port)
    }

    /// What the others dial.
    private static func advertised(_ key: String, _ values: [String: String], path: String, example: String) throws -> String? {
        guard let text = values[key] else { return nil }
        guard try !Self.endpoint(text, key: key, path: path, example: example).host.isEmpty else {
            throw Failure("\(path): \(key) is “\(text)”, which names no host; expected HOST:PORT such as \(example)")
        }
        return text
    }

    private static func strict(_ text: String?, peers: PeerEndpoint?, path: String) throws -> StrictMode? {
        guard let text else { return nil }
        guard let members = Int(text) else { throw Failure("\(path): strict.members is “\(text)”, expected the number of nodes") }
        let mode = StrictMode(members: members)
        if let objection = mode.objection { throw Failure("\(path): strict.members: \(objection)") }
        guard peers != nil else { throw Failure("\(path): strict.members needs peers.listen: a majority of the nodes is asked over it") }
        return mode
    }

    /// How others reach what listens there: nobody can call “all addresses”, so that becomes this machine's name.
    private static func authority(_ host: String, _ port: Int) -> String {
        let name = ["", "0.0.0.0", "::"].contains(host) ? ProcessInfo.processInfo.hostName : host
        return "\(name.contains(":") ? "[\(name)]" : name):\(port)"
    }

    private static func resolve(_ path: String, _ base: URL) -> String {
        path.hasPrefix("/") ? path : base.appendingPathComponent(path).path
    }

    private static func password(_ values: [String: String], path: String, environment: [String: String], base: URL) throws -> String? {
        if let variable = values["postgres.password.env"] {
            guard let value = environment[variable] else {
                throw Failure("\(path): postgres.password.env names \(variable), which is not set in this node's environment")
            }
            return value
        }
        guard let file = values["postgres.password.file"] else { return nil }
        guard let data = FileManager.default.contents(atPath: Self.resolve(file, base)) else {
            throw Failure("\(path): postgres.password.file names \(file), which can't be read")
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    /// The file as `a.b.c` → scalar. Unknown keys are errors.
    private static func flatten(_ text: String, path: String) throws -> [String: String] {
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch { throw Failure("\(path) is not YAML: \(error)") }
        var values: [String: String] = [:]
        func walk(_ node: Node, _ prefix: String) throws {
            switch node {
            case .mapping(let mapping):
                for (key, value) in mapping {
                    let name = key.scalar?.string ?? ""
                    try walk(value, prefix.isEmpty ? name : "\(prefix).\(name)")
                }
            case .scalar(let scalar):
                guard Self.keys.contains(prefix) else {
                    let hint = nearest(prefix, in: Self.keys).map { "; did you mean “\($0)”?" } ?? ""
                    let line = node.mark.map { ":\($0.line)" } ?? ""
                    throw Failure("\(path)\(line): unknown key “\(prefix)”\(hint)")
                }
                values[prefix] = scalar.string
            case .sequence, .alias:
                throw Failure("\(path): “\(prefix)” has to be a single value")
            }
        }
        if let root { try walk(root, "") }
        return values
    }
}

/// A failure that is told to a person as it is: what, where, what next.
struct Failure: Error, CustomStringConvertible {
    var description: String
    var exitCode: Int32
    init(_ description: String, exitCode: Int32 = 1) {
        self.description = description
        self.exitCode = exitCode
    }
}
