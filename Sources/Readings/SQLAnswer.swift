import Model
import Postgres

/// One run of a statement as answers for the workloads that it was run for.
struct SQLAnswers: Sendable {
    /// What a row is for; nil: for every one.
    private struct Key: Sendable, Hashable {
        var service: String?
        var region: String?
    }
    private enum Hit: Sendable {
        case one(Int)
        case many(Int)
    }
    private enum Content: Sendable {
        case missing(MissingReason, String)
        case rows(ResultSet, SQLLayout, [Key: Hit])
    }
    private let content: Content

    /// More rows than workloads can be: a statement that returns its table instead of counting it.
    static let maximumRows = 100_000

    init(_ outcome: Result<ResultSet, PostgresError>) {
        switch outcome {
        case .failure(let error):
            let (reason, words) = SQLFailure.reading(of: error)
            self.content = .missing(reason, words)
        case .success(let set):
            self.content = Self.content(of: set)
        }
    }

    private static func content(of set: ResultSet) -> Content {
        guard set.count <= Self.maximumRows else {
            return .missing(
                .refused,
                "the statement returned \(set.count) rows, over \(Self.maximumRows): group it by service and region"
            )
        }
        do throws(SQLLayout.Problem) {
            let layout = try SQLLayout(columns: zip(set.columns, set.typeOIDs).map { ($0, $1) })
            var hits: [Key: Hit] = [:]
            for index in set.indices {
                let row = set[index]
                // A row whose key is NULL is for no workload.
                if let service = layout.service, row[service].isNull { continue }
                if let region = layout.region, row[region].isNull { continue }
                let key = Key(
                    service: layout.service.flatMap { row[$0].text }, region: layout.region.flatMap { row[$0].text })
                switch hits[key] {
                case nil: hits[key] = .one(index)
                case .one: hits[key] = .many(2)
                case .many(let count): hits[key] = .many(count + 1)
                }
            }
            return .rows(set, layout, hits)
        } catch {
            return .missing(error.reason, error.message)
        }
    }

    /// The answer for one workload.
    /// - Parameter asOf: the sample time of an answer that brings none.
    func answer(for workload: WorkloadID, asOf: WallTime) -> ReadingAnswer {
        switch self.content {
        case .missing(let reason, let words): return .missing(reason, evidence: words)
        case .rows(let set, let layout, let hits):
            let key = Key(
                service: layout.service == nil ? nil : workload.service,
                region: layout.region == nil ? nil : workload.region)
            switch hits[key] {
            case nil: return .missing(.absent, evidence: Self.absence(key, rows: set.count))
            case .many(let count): return .missing(.ambiguous, evidence: Self.plurality(key, rows: count))
            case .one(let row): return Self.answer(set[row], layout, asOf: asOf)
            }
        }
    }

    private static func words(_ key: Key) -> String {
        let parts = [key.service.map { "service “\($0)”" }, key.region.map { "region “\($0)”" }].compactMap { $0 }
        return parts.isEmpty ? "" : " for \(parts.joined(separator: ", "))"
    }

    private static func absence(_ key: Key, rows: Int) -> String {
        rows == 0
            ? "the statement returned no row"
            : "the statement returned \(rows) \(rows == 1 ? "row" : "rows"), none\(Self.words(key)). "
                + "A group without rows is absent, not 0: join it with a list of what exists"
    }

    private static func plurality(_ key: Key, rows: Int) -> String {
        "the statement returned \(rows) rows\(Self.words(key)): group it, or add the column service or region"
    }

    private static func answer(_ row: Row, _ layout: SQLLayout, asOf: WallTime) -> ReadingAnswer {
        let field = row[layout.value]
        guard let text = field.text else {
            return .missing(
                .null,
                evidence:
                    "the column “\(field.column)” is NULL, as is an aggregate over nothing: if that means 0, "
                    + "write coalesce(…, 0)"
            )
        }
        var at = asOf
        if let sampledAt = layout.sampledAt, !row[sampledAt].isNull {
            do { at = WallTime(microseconds: try row[sampledAt].timestampMicroseconds()) } catch {
                return .missing(
                    .unparsable,
                    evidence:
                        "“sampled_at” is “\(row[sampledAt].text ?? "")”, which is no time between the years 0 and 9999")
            }
        }
        if let value = Quantity(text: text) { return .value(Sample(value: value, at: at)) }
        if let number = Double(text), !number.isFinite {
            return .missing(.nonFinite, evidence: "the column “\(field.column)” is \(text.prefix(40))")
        }
        return .missing(
            .unparsable, evidence: "the column “\(field.column)” is “\(text.prefix(200))”, which is no number")
    }
}

/// What an error of the database means for a reading, and what to do about it.
enum SQLFailure {
    static func reading(of error: PostgresError) -> (MissingReason, String) {
        let (reason, advice) = Self.classify(error)
        // The connection's own advice speaks of the cluster's database; here it is the one that the Connection manifest
        // names.
        var words = error.message
        if let state = error.sqlState { words += " (SQLSTATE \(state))" }
        if let endpoint = error.endpoint { words += " at \(endpoint)" }
        if let detail = error.detail { words += "; \(detail)" }
        return (reason, advice.map { "\(words). \($0)" } ?? words)
    }

    private static func classify(_ error: PostgresError) -> (MissingReason, advice: String?) {
        if let state = error.sqlState {
            switch state {
            case "57014":
                return (.timeout, "The statement is too slow for its deadline: give it an index, or let it read less")
            case "55P03": return (.timeout, "It waited for a lock that somebody holds")
            case "25006": return (.refused, "The statement writes; a source only reads")
            case "28P01", "28000":
                return (
                    .unauthorized,
                    "Check the user, the password that the Connection refers to, and the server's pg_hba.conf"
                )
            case "42501": return (.unauthorized, "Grant the connection's role SELECT on what the statement reads")
            case "3D000": return (.refused, "Correct dbname in the Connection")
            case "42P01", "42703", "42883", "42601":
                return (.refused, "Correct the statement in the policy, or create what it reads")
            case "40001", "40P01": return (.overloaded, nil)
            default: break
            }
            switch state.prefix(2) {
            case "53": return (.overloaded, "The database server has no room left (connections, memory or disk)")
            case "57", "08": return (.unreachable, "The database server is starting, stopping or gone")
            case "22", "42": return (.refused, "Correct the statement in the policy")
            default: break
            }
        }
        switch error.code {
        case .timeout: return (.timeout, "The database is slow or out of reach; look at its load and at the network")
        case .connect where error.message.contains("session within"):
            return (.timeout, "The host does not answer: check the address, the network and firewalls")
        case .connect where error.message.contains("too many connections"):
            return (.overloaded, "The server or the role has no connection left: raise its limit, or close others")
        case .connect: return (.unreachable, "Check that the database runs, and host and port in the Connection")
        case .closed: return (.unreachable, "The session ended; the next round opens another")
        case .cancelled: return (.timeout, nil)
        case .poolExhausted: return (.overloaded, nil)
        case .tooLarge: return (.refused, "Group the statement by service and region")
        case .decoding: return (.unparsable, nil)
        case .server, .misuse: return (.refused, nil)
        }
    }

    /// Whether a missing reading says that the source itself does not work, rather than one of its statements.
    static func isOfSource(_ reason: MissingReason) -> Bool {
        switch reason {
        case .timeout, .unreachable, .unauthorized, .overloaded: true
        case .absent, .null, .nonFinite, .unparsable, .ambiguous, .partial, .clock, .refused, .misconfigured: false
        }
    }
}

/// Takes secrets out of evidence and cuts it.
struct EvidenceFilter: Sendable {
    private let secrets: [String]

    /// Shorter values would hide half of every answer and no secret worth the name.
    private static let shortestSecret = 4

    init(secrets: [String]) {
        self.secrets = secrets.filter { $0.utf8.count >= Self.shortestSecret }.sorted { $0.utf8.count > $1.utf8.count }
    }

    func filter(_ answer: ReadingAnswer) -> ReadingAnswer {
        guard case .missing(let reason, let evidence) = answer else { return answer }
        return .missing(reason, evidence: self.filter(evidence))
    }

    func filter(_ text: String) -> String {
        var text = text
        for secret in self.secrets { text = Self.replacing(secret, in: text) }
        guard text.utf8.count > ReadingAnswer.maximumEvidence else { return text }
        let mark = "…"
        var kept = text.prefix(ReadingAnswer.maximumEvidence - mark.utf8.count)
        while kept.utf8.count > ReadingAnswer.maximumEvidence - mark.utf8.count { kept.removeLast() }
        return kept + mark
    }

    private static func replacing(_ secret: String, in text: String) -> String {
        guard text.utf8.count >= secret.utf8.count else { return text }
        let (bytes, wanted) = (Array(text.utf8), Array(secret.utf8))
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == wanted[0], bytes[index...].starts(with: wanted) {
                out.append(contentsOf: "[secret]".utf8)
                index += wanted.count
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
