import HTTPTypes

/// Finds the route of a path and method.
struct RouteIndex: Sendable {
    private struct Entry: Sendable {
        var template: [Segment]
        var routes: [Route]
    }
    private enum Segment: Sendable, Hashable {
        case literal(String)
        case parameter(String)

        init(_ text: Substring) {
            self = text.hasPrefix("{") ? .parameter(String(text.dropFirst().dropLast())) : .literal(String(text))
        }
    }

    /// By number of segments, so that a look-up compares a handful of templates.
    private let entries: [Int: [Entry]]

    init(_ routes: [Route]) {
        var entries: [Int: [Entry]] = [:]
        for route in routes {
            let template = route.path.split(separator: "/").map { Segment($0) }
            if let place = entries[template.count]?.firstIndex(where: { $0.template == template }) {
                entries[template.count]?[place].routes.append(route)
            } else {
                entries[template.count, default: []].append(Entry(template: template, routes: [route]))
            }
        }
        self.entries = entries
    }

    /// - Throws: ``Problem`` `not-found`, or `method-not-allowed` with the methods that are.
    func match(path: some StringProtocol, method: HTTPRequest.Method) throws(Problem) -> (route: Route, path: [String: String]) {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for entry in self.entries[segments.count] ?? [] {
            guard let values = Self.values(of: entry.template, in: segments) else { continue }
            // HEAD is GET without the body.
            let wanted = method == .head ? .get : method
            if let route = entry.routes.first(where: { $0.method == wanted }) { return (route, values) }
            var allowed = entry.routes.map(\.method.rawValue)
            if allowed.contains("GET") { allowed.append("HEAD") }
            let list = allowed.sorted().joined(separator: ", ")
            throw Problem(.methodNotAllowed, "This path takes \(list).").with(header: .allow, list)
        }
        throw Problem(.notFound, "This API has no such path.", next: "/openapi.yaml lists the paths.")
    }

    private static func values(of template: [Segment], in segments: some Collection<some StringProtocol>) -> [String: String]? {
        var values: [String: String] = [:]
        for (segment, text) in zip(template, segments) {
            switch segment {
            case .literal(let literal): if literal != String(text) { return nil }
            case .parameter(let name):
                guard let value = PercentEncoding.decode(text, plusIsSpace: false), !value.isEmpty, !value.contains("\0") else { return nil }
                values[name] = value
            }
        }
        return values
    }
}
