import AsyncHTTPClient
import Foundation
import Model
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOSSL

/// One node's API, as the command line uses it.
struct APIClient {
    let url: String
    let token: String
    let authority: String?

    /// A person waits: longer, and the node counts as out of reach.
    static let timeout = TimeAmount.seconds(15)
    /// The largest answer that is read.
    static let maximumBytes = 64 << 20

    /// What a call answered.
    struct Answer {
        var status: Int
        var text: String
        var json: JSON
    }

    func get(_ path: String, query: [(String, String)] = []) async throws -> JSON { try await self.call("GET", path, query: query).json }

    func getText(_ path: String, query: [(String, String)] = []) async throws -> String { try await self.call("GET", path, query: query).text }

    /// A change, or a question that needs a body. The key makes repeating it harmless.
    func post(_ path: String, _ body: JSON, changes: Bool = true) async throws -> JSON {
        try await self.call("POST", path, body: body, key: changes ? UUID().uuidString : nil).json
    }

    func put(_ path: String, _ body: JSON) async throws -> JSON { try await self.call("PUT", path, body: body).json }

    func delete(_ path: String) async throws -> JSON { try await self.call("DELETE", path).json }

    /// All items of a list, page by page, up to `limit`.
    func list(_ path: String, query: [(String, String)] = [], limit: Int = .max) async throws -> [JSON] {
        var items: [JSON] = []
        var cursor: String?
        repeat {
            let size = min(1000, limit - items.count)
            let page = try await self.get(path, query: query + [("limit", String(size))] + (cursor.map { [("cursor", $0)] } ?? []))
            items += page["items"]?.arrayValue ?? []
            cursor = page["next"]?.stringValue
        } while cursor != nil && items.count < limit
        return items
    }

    private func call(_ method: String, _ path: String, query: [(String, String)] = [], body: JSON? = nil, key: String? = nil) async throws -> Answer {
        var request = HTTPClientRequest(url: self.url + path + Self.encode(query))
        request.method = .init(rawValue: method)
        request.headers.add(name: "Authorization", value: "Bearer \(self.token)")
        request.headers.add(name: "Accept", value: "application/json")
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.canonical()))
        }
        var tls = TLSConfiguration.makeClientConfiguration()
        if let authority {
            guard FileManager.default.isReadableFile(atPath: authority) else {
                throw Failure("the authority’s certificate \(authority) can't be read; give --ca or MUSTER_CA")
            }
            tls.trustRoots = .file(authority)
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls, redirectConfiguration: .disallow))
        let answer: Answer
        do {
            let response = try await client.execute(request, timeout: Self.timeout)
            let buffer = try await response.body.collect(upTo: Self.maximumBytes)
            let text = String(buffer: buffer)
            answer = Answer(status: Int(response.status.code), text: text, json: (try? JSON(parsing: text)) ?? .null)
            try await client.shutdown()
        } catch {
            try? await client.shutdown()
            throw Failure("cannot reach the node at \(self.url): \(Self.words(error)). Is it running? Next: muster doctor --config FILE", exitCode: 5)
        }
        guard (200..<300).contains(answer.status) else { throw Self.failure(answer) }
        return answer
    }

    private static func encode(_ query: [(String, String)]) -> String {
        if query.isEmpty { return "" }
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        return "?" + query.map { "\($0.0)=\($0.1.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")" }.joined(separator: "&")
    }

    /// A problem (RFC 9457) as one line, with what to do next.
    private static func failure(_ answer: Answer) -> Failure {
        let code = answer.json["code"]?.stringValue ?? ""
        let errors = answer.json["errors"]?.arrayValue ?? []
        var text = answer.json["detail"]?.stringValue ?? answer.json["title"]?.stringValue ?? "the node answered \(answer.status)"
        if code == "invalid-manifest", !errors.isEmpty {
            text = errors.map { Self.manifestError($0) }.joined(separator: "\nerror: ") + "\nnothing was applied"
        } else if let next = answer.json["next"]?.stringValue {
            text += " Next: \(next)"
        }
        let exitCode: Int32 =
            switch answer.status {
            case 401, 403: 4
            case 503: 5
            case 400, 422: code == "invalid-manifest" ? 1 : 2
            default: 1
            }
        return Failure(text, exitCode: exitCode)
    }

    /// `media.yaml:14:5: unknown field “x”; did you mean “y”?`
    static func manifestError(_ error: JSON) -> String {
        let place = [error["file"]?.stringValue, error["line"]?.intValue.map { String($0) }, error["column"]?.intValue.map { String($0) }]
            .compactMap(\.self).joined(separator: ":")
        var text = error["message"]?.stringValue ?? error["code"]?.stringValue ?? "is not valid"
        if let near = error["near"]?.stringValue, !text.contains("did you mean") { text += "; did you mean “\(near)”?" }
        return place.isEmpty ? text : "\(place): \(text)"
    }

    private static func words(_ error: any Error) -> String {
        if let error = error as? HTTPClientError { return error.shortDescription }
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "its certificate is not signed by the authority that --ca or MUSTER_CA names" }
        if text.contains("Connection refused") || text.contains("ECONNREFUSED") { return "nothing listens there" }
        return text
    }
}
