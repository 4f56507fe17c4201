/// The HTTP API of a node.
///
/// Model
/// - ``Route/table`` says everything about every operation. A request passes, in this order: size of its head, route, token, rate, role, query, body,
///   key; only then its handler runs. Whatever fails is a ``Problem``; nothing else ever leaves as an error.
/// - A read says how new it is: the database's head (`Muster-Seq`, `Muster-Epoch`) is read before anything else, so an answer is never older than it says.
/// - A change is one transaction of the store: the change, its audit events, and the answer that its Idempotency-Key will get again.
/// - Objects are pure functions of records and the database's time (`Objects/`); handlers (`Handlers/`) read, call them, and answer.
///
/// Invariants
/// - Deny by default: each route names its roles. An unknown token and a wrong secret look the same.
/// - No secret, SQL or stack is answered or logged; a token's secret is answered once.
/// - Everything is bounded by ``Limits``, ``TokenBucket`` and ``FailedCredentials``. The rate limit counts per node, not per cluster.
///
/// It decides nothing about scaling, keeps no state that matters beyond a second, and serves the same on every node.
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
import NIOCore
import NIOSSL
public import ServiceLifecycle
public import Store

/// Where a node's API listens and what it says of itself.
public struct ServerConfiguration: Sendable, Hashable {
    /// The address to listen on: a name, a number, or `0.0.0.0` and `::` for all.
    public var host: String
    /// 0: any free one; ``APIServer/init(configuration:store:node:logger:onListening:)`` tells which.
    public var port: Int
    /// PEM: the certificate, followed by its intermediates. nil together with the key: plain HTTP, for tests.
    public var certificatePath: String?
    /// PEM, for its owner's eyes only; goes together with ``certificatePath``.
    public var keyPath: String?
    /// The node's name, which each answer has in its head.
    public var nodeName: String
    /// Muster's version, which each answer has in its head.
    public var version: String
    /// Whether `/metrics` answers without a token.
    public var metricsArePublic: Bool

    /// Plain HTTP when both paths are nil; nothing is read or bound here.
    public init(
        host: String, port: Int, certificatePath: String?, keyPath: String?, nodeName: String, version: String, metricsArePublic: Bool = false
    ) {
        self.host = host
        self.port = port
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.nodeName = nodeName
        self.version = version
        self.metricsArePublic = metricsArePublic
    }
}

/// Why the API can't be served, and what to do.
public enum ServerError: Error, Sendable, Hashable, CustomStringConvertible {
    case certificate(path: String, why: String)
    case key(path: String, why: String)
    case tls(why: String)
    case cannotListen(host: String, port: Int, why: String)

    /// What can't be used and what to do about it, for whoever starts the node.
    public var description: String {
        switch self {
        case .certificate(let path, let why): "the certificate \(path) can't be used: \(why); make one with: muster ca issue"
        case .key(let path, let why): "the key \(path) can't be used: \(why); make one with: muster ca issue"
        case .tls(let why): "certificate and key can't be used together: \(why); make a new pair with: muster ca issue"
        case .cannotListen(let host, let port, let why):
            "the API can't listen on \(host):\(port): \(why); stop whatever uses that port, or set http.listen to another one"
        }
    }
}

/// The API as a service: it runs until it is told to shut down, then lets open requests end.
public struct APIServer: Service {
    private let configuration: ServerConfiguration
    private let application: Application<Responder>

    /// - Parameters:
    ///   - onListening: told the port once requests are accepted.
    /// - Throws: ``ServerError`` when certificate or key are unusable.
    public init(
        configuration: ServerConfiguration, store: Store, node: any NodeView, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws(ServerError) {
        let api = API(store: store, node: node, configuration: configuration, logger: logger, clock: SystemServerClock())
        self.configuration = configuration
        self.application = try Self.application(api, onListening: onListening)
    }

    /// Serves until the service group shuts down gracefully; requests that are under way are answered first.
    ///
    /// - Throws: ``ServerError/cannotListen(host:port:why:)`` when the address can't be had.
    public func run() async throws {
        do { try await self.application.run() } catch let error as IOError {
            throw ServerError.cannotListen(host: self.configuration.host, port: self.configuration.port, why: error.description)
        }
    }

    static func application(_ api: API, onListening: @escaping @Sendable (Int) async -> Void = { _ in }) throws(ServerError) -> Application<Responder> {
        let configuration = api.configuration
        let http = HTTPServerBuilder.http1(configuration: .init(idleTimeout: TimeAmount(Limits.idle)))
        let server: HTTPServerBuilder
        if let tls = try Self.tls(configuration) {
            do { server = try .tls(http, tlsConfiguration: tls) } catch { throw .tls(why: "\(error)") }
        } else {
            server = http
        }
        // The framework's own lines would name the peer's bytes; what matters is logged by the responder.
        var quiet = api.logger
        quiet.logLevel = max(quiet.logLevel, .notice)
        return Application(
            responder: Responder(api: api, index: RouteIndex(Route.table)), server: server,
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port), backlog: 256,
                availableConnectionsDelegate: MaximumAvailableConnections(Limits.connections)),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? configuration.port) }, logger: quiet)
    }

    private static func tls(_ configuration: ServerConfiguration) throws(ServerError) -> TLSConfiguration? {
        guard let certificatePath = configuration.certificatePath, let keyPath = configuration.keyPath else { return nil }
        let certificates: [NIOSSLCertificate]
        do { certificates = try NIOSSLCertificate.fromPEMFile(certificatePath) } catch { throw .certificate(path: certificatePath, why: "\(error)") }
        guard !certificates.isEmpty else { throw .certificate(path: certificatePath, why: "it holds no certificate") }
        let key: NIOSSLPrivateKey
        do { key = try NIOSSLPrivateKey(file: keyPath, format: .pem) } catch { throw .key(path: keyPath, why: "\(error)") }
        var tls = TLSConfiguration.makeServerConfiguration(certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        do { _ = try NIOSSLContext(configuration: tls) } catch { throw .tls(why: "\(error)") }
        return tls
    }
}
