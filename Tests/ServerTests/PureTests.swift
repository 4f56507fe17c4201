import HTTPTypes
import Store
import Testing

@testable import Model
@testable import Server

@Suite("Token text")
struct TokenTextTests {
    private func make(_ seed: UInt8) throws -> TokenText {
        try #require(
            TokenText(environment: "prod", idBytes: (0..<8).map { seed &+ $0 &* 31 }, secret: (0..<32).map { seed &* 7 &+ UInt8($0) &* 13 }))
    }

    @Test("what is made reads back, for the smallest and largest secrets too")
    func roundTrip() throws {
        for token in [
            try self.make(0), try self.make(200),
            try #require(TokenText(environment: "prod", idBytes: .init(repeating: 0, count: 8), secret: .init(repeating: 0, count: 32))),
            try #require(TokenText(environment: "prod", idBytes: .init(repeating: 255, count: 8), secret: .init(repeating: 255, count: 32))),
        ] {
            let read = try #require(TokenText(token.text))
            #expect(read == token)
            let parts = token.text.split(separator: "_")
            #expect(parts.map(\.count) == [6, 4, 8, 43, 6])
        }
    }

    @Test("every single changed character is noticed")
    func checksum() throws {
        let text = Array(try self.make(3).text)
        for index in text.indices {
            var changed = text
            changed[index] = text[index] == "x" ? "y" : "x"
            #expect(TokenText(String(changed)) == nil, "position \(index)")
        }
    }

    @Test("a secret that does not fit 256 bits is refused, even with a right checksum")
    func overflow() throws {
        // 62⁴³ is larger than 2²⁵⁶: forty-three z are no secret.
        let body = "muster_prod_00000000_" + String(repeating: "z", count: 43)
        #expect(TokenText("\(body)_\(TokenText.checksum(body))") == nil)
        let fits = "muster_prod_00000000_" + String(repeating: "0", count: 43)
        #expect(TokenText("\(fits)_\(TokenText.checksum(fits))") != nil)
    }

    @Test("printing a token does not print its secret")
    func redacted() throws {
        let token = try self.make(9)
        let secret = token.text.split(separator: "_")[3]
        for text in ["\(token)", String(reflecting: token), String(describing: [token]), "\(Optional(token) as Any)"] {
            #expect(!text.contains(secret))
        }
        var dumped = ""
        dump(token, to: &dumped)
        #expect(!dumped.contains(secret))
        #expect(!dumped.contains("\(token.secret[0]), \(token.secret[1])"))
    }

    @Test("an environment that a token can’t hold is made to fit")
    func environment() throws {
        let token = try #require(TokenText(environment: "My_Cluster.eu", idBytes: .init(repeating: 1, count: 8), secret: .init(repeating: 2, count: 32)))
        #expect(token.environment == "my-cluster-eu")
        #expect(TokenText(token.text) == token)
    }
}

@Suite("Rate limits")
struct TokenBucketTests {
    private let start = ContinuousClock.now

    @Test("a burst of 200 passes, then 100 a second")
    func bucket() {
        var bucket = TokenBucket(at: self.start)
        for left in stride(from: 199, through: 0, by: -1) { #expect(bucket.take(at: self.start) == .allowed(remaining: left)) }
        guard case .refused(let wait) = bucket.take(at: self.start) else { Issue.record("the 201st passed"); return }
        #expect(wait > .zero && wait <= .milliseconds(11))
        var passed = 0
        for step in 1...1000 {
            if case .allowed = bucket.take(at: self.start + .milliseconds(step)) { passed += 1 }
        }
        #expect((99...101).contains(passed))
    }

    @Test("a clock that goes back gives nothing and takes nothing")
    func backwards() {
        var bucket = TokenBucket(at: self.start)
        _ = bucket.take(at: self.start)
        #expect(bucket.take(at: self.start - .seconds(100)) == .allowed(remaining: 198))
    }

    @Test("more callers than are remembered are still served, and memory stays bounded")
    func bounded() {
        var limit = RateLimit()
        for number in 0..<(RateLimit.maximumCallers + 500) {
            #expect(limit.take("caller \(number)", at: self.start) == .allowed(remaining: 199))
        }
    }

    @Test("five wrong credentials are free, then each doubles the wait up to a minute, and a quiet minute forgets")
    func failures() {
        var failures = FailedCredentials()
        var now = self.start
        for _ in 0..<5 {
            failures.failed("1.2.3.4", at: now)
            #expect(failures.wait("1.2.3.4", at: now) == nil)
        }
        var waits: [Duration] = []
        for _ in 0..<8 {
            failures.failed("1.2.3.4", at: now)
            waits.append(failures.wait("1.2.3.4", at: now) ?? .zero)
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(failures.wait("5.6.7.8", at: now) == nil)
        now += .seconds(121)
        #expect(failures.wait("1.2.3.4", at: now) == nil)
        failures.failed("1.2.3.4", at: now)
        #expect(failures.wait("1.2.3.4", at: now) == nil)
    }
}

@Suite("Metrics exposition")
struct ExpositionTests {
    @Test("help, type, labels, escapes and numbers are as the format asks")
    func format() {
        let family = MetricFamily(
            name: "muster_http requests", help: "A \\ and a\nline.", kind: .counter,
            samples: [
                .init(labels: [.init("path", "a\"b\\c\nd")], 3), .init(labels: [.init("1st", "x")], 0.25), .init(.infinity), .init(-.infinity), .init(.nan),
            ])
        #expect(
            Exposition.text([family]) == """
                # HELP muster_http_requests A \\\\ and a\\nline.
                # TYPE muster_http_requests counter
                muster_http_requests{path="a\\"b\\\\c\\nd"} 3
                muster_http_requests{_1st="x"} 0.25
                muster_http_requests +Inf
                muster_http_requests -Inf
                muster_http_requests NaN

                """)
    }

    @Test("a histogram counts cumulatively and ends with +Inf, sum and count")
    func histogram() throws {
        let metrics = RequestMetrics()
        metrics.record(operation: "getMe", status: 200, took: .milliseconds(3))
        metrics.record(operation: "getMe", status: 503, took: .seconds(20))
        let text = Exposition.text(metrics.families)
        #expect(text.contains("muster_http_requests_total{operation=\"getMe\",status=\"200\"} 1\n"))
        #expect(text.contains("_bucket{operation=\"getMe\",le=\"0.0025\"} 0\n"))
        #expect(text.contains("_bucket{operation=\"getMe\",le=\"0.005\"} 1\n"))
        #expect(text.contains("_bucket{operation=\"getMe\",le=\"10\"} 1\n"))
        #expect(text.contains("_bucket{operation=\"getMe\",le=\"+Inf\"} 2\n"))
        #expect(text.contains("_sum{operation=\"getMe\"} 20.003\n"))
        #expect(text.contains("_count{operation=\"getMe\"} 2\n"))
    }
}

@Suite("Addresses")
struct AddressTests {
    @Test("escapes are decoded once, and broken ones are refused")
    func percent() {
        #expect(PercentEncoding.decode("a%20b+c%2541", plusIsSpace: true) == "a b c%41")
        #expect(PercentEncoding.decode("a+b", plusIsSpace: false) == "a+b")
        for broken in ["%", "%4", "%zz", "%ff", "%c3%28"] { #expect(PercentEncoding.decode(broken, plusIsSpace: true) == nil) }
    }

    @Test("paths match whole segments, and name the methods that a path has")
    func index() throws {
        let index = RouteIndex(Route.table)
        let (route, path) = try index.match(path: "/v1/workloads/trans%2Fcode/eu-west", method: .get)
        #expect(route.operationID == "getWorkload")
        #expect(path == ["service": "trans/code", "region": "eu-west"])
        #expect(try index.match(path: "/v1/status", method: .head).route.operationID == "getStatus")
        for path in ["/", "", "/v1", "/v1/", "/v1/status/", "//v1/status", "/v1/workloads//eu-west", "/V1/status", "/v1/workloads/%00/x"] {
            #expect(throws: Problem.self, "\(path)") { try index.match(path: path, method: .get) }
        }
        do {
            _ = try index.match(path: "/v1/workloads/a/b/override", method: .get)
            Issue.record("an override can’t be read")
        } catch {
            #expect(error.code == .methodNotAllowed)
            #expect(error.headers.map(\.value) == ["DELETE, PUT"])
        }
    }

    @Test("every route can be reached by its own path, and no two share an operation")
    func complete() throws {
        let index = RouteIndex(Route.table)
        for route in Route.table {
            let path = route.path.split(separator: "/").map { $0.hasPrefix("{") ? "x" : String($0) }.joined(separator: "/")
            #expect(try index.match(path: "/\(path)", method: route.method).route.operationID == route.operationID)
        }
        #expect(Set(Route.table.map(\.operationID)).count == Route.table.count)
    }

    @Test("a cursor belongs to its list and filter")
    func cursor() throws {
        let parameters = [Parameter.name("policy"), .limit, .cursor]
        let filter = try Query("policy=a&limit=5", of: parameters)
        let text = Cursor.text(position: "17:x", of: "listDecisions", filter: filter)
        #expect(try Cursor.position(text, of: "listDecisions", filter: try Query("limit=9&policy=a", of: parameters)) == "17:x")
        #expect(throws: Problem.self) { try Cursor.position(text, of: "listActions", filter: filter) }
        #expect(throws: Problem.self) { try Cursor.position(text, of: "listDecisions", filter: try Query("policy=b", of: parameters)) }
        for foreign in ["", "zz", "00", "ff", text + "0", String(text.dropLast())] {
            #expect(throws: Problem.self, "“\(foreign)”") { try Cursor.number(foreign, of: "listDecisions", filter: filter) }
        }
    }
}
