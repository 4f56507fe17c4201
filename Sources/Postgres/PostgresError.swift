/// What went wrong between us and Postgres, with what the operator can do about it.
public struct PostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What sort of failure it is, by what a caller can do about it.
    public enum Code: String, Sendable, Hashable {
        /// No session could be opened.
        case connect
        /// The session ended.
        case closed
        /// The server refused a statement; `sqlState` says why.
        case server
        case timeout
        /// An answer was not of the shape that the caller expected.
        case decoding
        case cancelled
        /// The caller broke a rule of this API.
        case misuse
        /// All connections were busy for the whole wait, or too many callers wait already.
        case poolExhausted
        /// The answer is larger than the caller allows.
        case tooLarge
    }

    /// What sort of failure it is.
    public var code: Code
    /// SQLSTATE, five characters.
    public var sqlState: String?
    /// One line.
    public var message: String
    /// What the server says more, such as the key that exists already; it may hold values of rows.
    public var detail: String?
    /// What the server suggests.
    public var hint: String?
    /// The SQL text, cut.
    public var statement: String?
    /// `host:port/dbname`
    public var endpoint: String?
    /// Position of the statement in its pipeline.
    public var index: Int?
    /// The session ended after COMMIT was sent and before its answer: look the effect up, don't repeat it blindly.
    public var transactionOutcomeUnknown = false

    /// Enough to find a statement in the code, short enough for a log line.
    static let maximumStatementLength = 200

    /// - Parameter statement: its text, of which the first ``maximumStatementLength`` characters are kept.
    public init(
        _ code: Code, _ message: String, sqlState: String? = nil, detail: String? = nil, hint: String? = nil, statement: String? = nil,
        endpoint: String? = nil, index: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.detail = detail
        self.hint = hint
        self.statement = statement.map { String($0.prefix(Self.maximumStatementLength)) }
        self.endpoint = endpoint
        self.index = index
    }

    /// The message with SQLSTATE, place, the server's detail, and what to do next. Without the statement.
    public var description: String {
        var text = self.message
        if let sqlState { text += " (SQLSTATE \(sqlState))" }
        if let endpoint { text += " at \(endpoint)" }
        if let detail { text += "; \(detail)" }
        if let advice { text += ". \(advice)" }
        return text
    }

    /// Whether the same call may succeed later without anybody changing anything.
    public var isRetryable: Bool {
        switch self.code {
        case .connect: !(self.sqlState.map { $0.hasPrefix("28") || $0 == "3D000" } ?? false)
        case .closed, .timeout, .poolExhausted: true
        case .server:
            self.sqlState.map {
                $0.hasPrefix("08") || $0.hasPrefix("57P0") || $0.hasPrefix("53") || ["40001", "40P01", "55P03"].contains($0)
            } ?? false
        case .decoding, .cancelled, .misuse, .tooLarge: false
        }
    }

    /// What to do next, for failures that operators meet.
    public var advice: String? {
        switch self.sqlState {
        case "28P01", "28000": return "Check the user and password in the connection string and pg_hba.conf"
        case "3D000": return "Create the database, or correct dbname in the connection string"
        case "53100": return "The database server's disk is full: free space there"
        case "25006": return "The server is read-only: point the connection string at the primary, or list all hosts with target_session_attrs=read-write"
        case "57P03": return "The server is starting up or shutting down: wait for it"
        case "53300": return "The server has no connection left: raise max_connections or close others"
        case "42501": return "Grant the role the missing right"
        case "42P01": return "Run: muster cluster init"
        default: break
        }
        switch self.code {
        case .connect where self.message.contains("Connection refused"):
            return "Nothing listens there: start Postgres, or correct host and port in the connection string"
        case .connect where self.message.contains("could not translate host name") || self.message.contains("not known"):
            return "Correct the host name, or the machine's name resolution"
        case .connect where self.message.contains("timeout") || self.message.contains("within"):
            return "The host does not answer: check the address, the network and firewalls"
        case .timeout: return "The database is slow or out of reach; look at its load and at the network"
        case .poolExhausted: return "The database answers too slowly for the load; look at its load, or raise the pool's size"
        default: return nil
        }
    }
}
