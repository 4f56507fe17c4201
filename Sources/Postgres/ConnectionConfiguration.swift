/// How to reach a server: a libpq connection string or URI, with what is kept apart from it.
public struct ConnectionConfiguration: Sendable {
    /// `host=a,b dbname=… target_session_attrs=read-write` or `postgres://…`
    public var conninfo: String
    /// Kept apart, so that it never stands in a logged text.
    public var password: String?
    /// Who this is in `pg_stat_activity` and the server's log; nil: what the connection string says.
    public var applicationName: String?
    /// Server settings of the session, sent with the start-up packet.
    public var settings: [(name: String, value: String)]
    /// The whole of connecting, name resolution and all hosts included.
    public var connectTimeout: Duration
    /// Silent loss of the network shows on no socket by itself: the kernel gives up on unanswered data after this.
    public var tcpUserTimeout: Duration
    /// Idle time before the kernel probes the other side; the same between probes, three of them.
    public var keepaliveIdle: Duration
    /// The largest answer that is accepted, in bytes.
    public var maximumResultBytes: Int

    /// 64 MiB: far more than any answer that Muster asks for, far less than a node has memory.
    public static var defaultMaximumResultBytes: Int { 64 << 20 }

    /// What is left out is as suits a session that a person waits for; the election's own sets its times by itself.
    public init(
        _ conninfo: String, password: String? = nil, applicationName: String? = nil, settings: [(name: String, value: String)] = [],
        connectTimeout: Duration = .seconds(5), tcpUserTimeout: Duration = .seconds(5), keepaliveIdle: Duration = .seconds(5),
        maximumResultBytes: Int = ConnectionConfiguration.defaultMaximumResultBytes
    ) {
        self.conninfo = conninfo
        self.password = password
        self.applicationName = applicationName
        self.settings = settings
        self.connectTimeout = connectTimeout
        self.tcpUserTimeout = tcpUserTimeout
        self.keepaliveIdle = keepaliveIdle
        self.maximumResultBytes = maximumResultBytes
    }

    /// `user@host:port/dbname`, for messages: never the password.
    public var redacted: String { ConnectionParameters.redacted(self.conninfo) }

    /// `-c name=value` for each setting, with spaces and backslashes escaped as libpq's `options` wants it.
    var options: String? {
        if self.settings.isEmpty { return nil }
        return self.settings.map { setting in
            var escaped = ""
            for character in setting.value {
                if character == " " || character == "\\" { escaped.append("\\") }
                escaped.append(character)
            }
            return "-c \(setting.name)=\(escaped)"
        }.joined(separator: " ")
    }
}
