internal import CLibPQ
internal import CLinux
internal import Glibc

/// libpq's connection keywords with every host name resolved, so that libpq itself never blocks.
struct ConnectionParameters: Sendable {
    var keywords: [(name: String, value: String)]
    /// `host:port/dbname`, for messages.
    var endpoint: String

    /// Name resolution gets this share of the connect timeout at most; it happens before the first packet.
    static func resolve(_ configuration: ConnectionConfiguration, on reactor: Reactor) async throws(PostgresError) -> ConnectionParameters {
        var given = try Self.parse(configuration.conninfo)
        func value(_ name: String) -> String? { given.first { $0.name == name }?.value }
        func set(_ name: String, _ value: String) {
            given.removeAll { $0.name == name }
            given.append((name, value))
        }
        let endpoint = Self.endpoint(hosts: value("host") ?? value("hostaddr"), ports: value("port"), database: value("dbname") ?? value("user"))
        if let password = configuration.password { set("password", password) }
        if let name = configuration.applicationName { set("application_name", name) }
        if let options = configuration.options { set("options", [value("options"), options].compactMap(\.self).joined(separator: " ")) }
        let defaults: [(String, String)] = [
            ("tcp_user_timeout", String(configuration.tcpUserTimeout.milliseconds)),
            ("keepalives_idle", String(max(1, configuration.keepaliveIdle.milliseconds / 1000))),
            ("keepalives_interval", String(max(1, configuration.keepaliveIdle.milliseconds / 1000))), ("keepalives_count", "3"),
            ("client_encoding", "UTF8"), ("fallback_application_name", "muster"),
            // Per host; the whole is bounded by our own deadline. libpq's least is 2 s.
            ("connect_timeout", String(max(2, configuration.connectTimeout.milliseconds / 1000))),
        ]
        for (name, text) in defaults where value(name) == nil { given.append((name, text)) }
        if let hosts = value("host"), value("hostaddr") == nil {
            let resolved = try await Self.resolve(
                hosts: Self.list(hosts), ports: Self.list(value("port") ?? ""), timeout: configuration.connectTimeout, endpoint: endpoint, on: reactor)
            if let resolved {
                set("host", resolved.map(\.host).joined(separator: ","))
                set("hostaddr", resolved.map(\.address).joined(separator: ","))
                set("port", resolved.map(\.port).joined(separator: ","))
            }
        }
        return ConnectionParameters(keywords: given, endpoint: endpoint)
    }

    /// Where a connection string leads, for messages: never a password.
    static func redacted(_ conninfo: String) -> String {
        guard let given = try? Self.parse(conninfo) else { return "an unreadable connection string" }
        func value(_ name: String) -> String? { given.first { $0.name == name }?.value }
        let place = Self.endpoint(hosts: value("host") ?? value("hostaddr"), ports: value("port"), database: value("dbname") ?? value("user"))
        return value("user").map { "\($0)@\(place)" } ?? place
    }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private static func parse(_ conninfo: String) throws(PostgresError) -> [(name: String, value: String)] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(conninfo, &message) else {
            let why = message.map { Handle.oneLine(String(cString: $0)) } ?? "out of memory"
            if let message { PQfreemem(message) }
            // libpq quotes the offending part, which may be a password: keep its words, cut what it quotes.
            let safe = why.split(separator: "\"", omittingEmptySubsequences: false).enumerated().map { $0.offset % 2 == 1 ? "…" : String($0.element) }
            throw PostgresError(.connect, "the connection string can't be read: \(safe.joined(separator: "\""))")
        }
        defer { PQconninfoFree(options) }
        var parsed: [(name: String, value: String)] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { parsed.append((String(cString: keyword), String(cString: value))) }
            option = option.advanced(by: 1)
        }
        return parsed
    }

    private static func endpoint(hosts: String?, ports: String?, database: String?) -> String {
        let hosts = Self.list(hosts ?? "localhost")
        let ports = Self.list(ports ?? "5432")
        let places = hosts.enumerated().map { index, host in
            "\(host.isEmpty ? "localhost" : host):\(index < ports.count ? ports[index] : ports.last ?? "5432")"
        }
        return places.joined(separator: ",") + (database.map { "/\($0)" } ?? "")
    }

    /// Every address of every host, in order; nil when libpq can take the hosts as they are (sockets, numeric addresses).
    private static func resolve(
        hosts: [String], ports: [String], timeout: Duration, endpoint: String, on reactor: Reactor
    ) async throws(PostgresError) -> [(host: String, address: String, port: String)]? {
        guard hosts.contains(where: { Self.needsResolution($0) }) else { return nil }
        // libpq takes host addresses for all hosts or for none: a list that mixes names and sockets keeps libpq's own (blocking) resolution.
        guard !hosts.contains(where: { $0.hasPrefix("/") || $0.hasPrefix("@") || $0.isEmpty }) else { return nil }
        var resolved: [(host: String, address: String, port: String)] = []
        var failure = ""
        for (index, host) in hosts.enumerated() {
            let port = index < ports.count ? ports[index] : ports.last ?? "5432"
            if !Self.needsResolution(host) { resolved.append((host, host, port)); continue }
            let answer = await BlockingCall.run(timeout: timeout, on: reactor) { Self.addresses(of: host) }
            switch answer {
            case .some(.success(let addresses)): resolved += addresses.map { (host, $0, port) }
            case .some(.failure(let error)): failure = error.message
            case nil: failure = "could not translate host name “\(host)” within \(timeout)"
            }
        }
        guard !resolved.isEmpty else { throw PostgresError(.connect, failure, endpoint: endpoint) }
        return resolved
    }

    private static func needsResolution(_ host: String) -> Bool {
        if host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") { return false }
        var buffer = in6_addr()
        return inet_pton(AF_INET, host, &buffer) != 1 && inet_pton(AF_INET6, host, &buffer) != 1
    }

    private struct ResolutionError: Error { var message: String }

    private static func addresses(of host: String) -> Result<[String], ResolutionError> {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        guard status == 0, let list else {
            return .failure(ResolutionError(message: "could not translate host name “\(host)”: \(String(cString: gai_strerror(status)))"))
        }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let info = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(info.pointee.ai_addr, info.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
                let address = String(decoding: text.prefix(while: { $0 != 0 }).map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !addresses.contains(address) { addresses.append(address) }
            }
            next = info.pointee.ai_next
        }
        return .success(addresses)
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero, saturating at what fits.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : scaled + attoseconds / 1_000_000_000_000_000
    }
}
