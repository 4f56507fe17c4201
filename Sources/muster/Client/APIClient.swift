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
    /// Until then a node has taken the connection, or it is out of reach.
    static let connectTimeout = TimeAmount.seconds(5)
    /// Items asked for at a time: the API's largest page.
    static let pageSize = 1000
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
            let size = min(Self.pageSize, limit - items.count)
            let page = try await self.get(path, query: query + [("limit", String(size))] + (cursor.map { [("cursor", $0)] } ?? []))
            let more = page["items"]?.arrayValue ?? []
            items += more
            // A page without items leads nowhere, whatever it says comes next.
            cursor = more.isEmpty ? nil : page["next"]?.stringValue
        } while cursor != nil && items.count < limit
        return items
    }

    /// `text` as one part of a path: what a person typed can't lead elsewhere.
    static func segment(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? "" }

    private static let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~.")

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
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try self.configuration())
        let answer: Answer
        do {
            let response = try await client.execute(request, timeout: Self.timeout)
            let buffer = try await response.body.collect(upTo: Self.maximumBytes)
            let text = String(buffer: buffer)
            answer = Answer(status: Int(response.status.code), text: text, json: (try? JSON(parsing: text)) ?? .null)
            try await client.shutdown()
        } catch {
            try? await client.shutdown()
            try Task.checkCancellation()
            throw self.unreachable(error)
        }
        guard (200..<300).contains(answer.status) else { throw Self.failure(answer) }
        return answer
    }

    private func configuration() throws -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let authority {
            do { tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authority)) } catch {
                let readable = FileManager.default.isReadableFile(atPath: authority)
                throw Failure(
                    "the authority’s certificate \(authority) \(readable ? "holds no certificate in PEM" : "can't be read"); give the cluster’s ca.pem "
                        + "with --ca or MUSTER_CA", exitCode: 2)
            }
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.timeout.connect = Self.connectTimeout
        // A refused connection or a wrong certificate stays what it is; trying again for the whole timeout only makes a person wait.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    private static func encode(_ query: [(String, String)]) -> String {
        if query.isEmpty { return "" }
        return "?" + query.map { "\($0.0)=\(Self.segment($0.1))" }.joined(separator: "&")
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

    private func unreachable(_ error: any Error) -> Failure {
        let text = "\(error)"
        let why: String
        var next = "Is it running? Another node will do as well. Next: on its host, muster doctor --config FILE"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            why = "its certificate is not valid under \(self.authority ?? "this system’s authorities")"
            next = "Next: give the cluster’s ca.pem with --ca or MUSTER_CA; when that is the right one, the node’s certificate has expired: muster ca issue"
        } else if text.contains("failedToValidateHostname") || text.contains("unableToValidateCertificate") {
            why = "its certificate is for another host name"
            next = "Next: use a name that it was issued for, or issue one: muster ca issue --hosts"
        } else if text.contains("Connection refused") || text.contains("ECONNREFUSED") {
            why = "nothing listens there"
        } else if let error = error as? HTTPClientError {
            why = error.shortDescription
        } else {
            why = text
        }
        return Failure("cannot reach the node at \(self.url): \(why). \(next)", exitCode: 5)
    }
}
