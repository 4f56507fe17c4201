import Crypto
import HTTPTypes
import Hummingbird
import Model
import NIOCore

extension Responder {
    /// Reads and parses the body, within the route's size and the API's time.
    func body(of request: Request, _ route: Route) async throws -> (fields: Fields, sha256: [UInt8]) {
        let maximum: Int
        let known: [String]
        switch route.body {
        case .none:
            let bytes = try await self.collect(request, upTo: 0)
            return (.none, Array(SHA256.hash(data: bytes)))
        case .json(let limit, let fields):
            maximum = limit
            known = fields
        }
        try Self.checkContentType(request)
        let bytes = try await self.collect(request, upTo: maximum)
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch {
            throw Problem(.badRequest, faults: [.init(pointer: "", code: "syntax", message: "the body \(error.description)")])
        }
        return (try Fields(json, known: known), Array(SHA256.hash(data: bytes)))
    }

    private static func checkContentType(_ request: Request) throws(Problem) {
        let type = request.headers[.contentType]
        let essence = type?.split(separator: ";", omittingEmptySubsequences: false).first.map { $0.filter { $0 != " " }.lowercased() }
        guard essence == "application/json" else {
            throw Problem(.unsupportedMediaType, type == nil ? "The body came without a Content-Type." : "The body’s Content-Type is not application/json.")
        }
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw Problem(.unsupportedMediaType, "The body is compressed, which is not supported.", next: "Send it as it is.")
        }
    }

    private func collect(_ request: Request, upTo maximum: Int) async throws -> [UInt8] {
        let tooLarge =
            maximum == 0
            ? Problem(.badRequest, "This route takes no body.", next: "Send it without one.")
            : Problem(.tooLarge, "The body has more than \(maximum) bytes.")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }) {
            if length > maximum { throw tooLarge }
        } else if request.headers[.transferEncoding] == nil {
            return []
        }
        let body = request.body
        return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask {
                var bytes: [UInt8] = []
                for try await buffer in body {
                    guard bytes.count + buffer.readableBytes <= maximum else { throw tooLarge }
                    bytes.append(contentsOf: buffer.readableBytesView)
                }
                return bytes
            }
            group.addTask { [clock = self.api.clock] in
                try await clock.sleep(for: Limits.bodyTime)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let bytes = first else {
                throw Problem(.timeout, "The body did not arrive within \(Limits.bodyTime.text).")
            }
            return bytes
        }
    }
}
