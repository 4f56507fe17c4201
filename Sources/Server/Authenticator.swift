import Crypto
import HTTPTypes
import Model
import Store
import Synchronization

/// Turns an Authorization header into the token that it proves.
///
/// An answer of the database is believed for a second, so that a busy client does not cost a query a request and a revoked token is dead everywhere
/// within that second. Unknown, wrong, expired and revoked are told apart nowhere: the answer is the same 401.
final class Authenticator: Sendable {
    /// How long an answer is believed: the bound on how long a revoked token lives.
    static let believed = Duration.seconds(1)
    /// Answers remembered; far more than tokens that are busy in one second.
    static let maximumAnswers = 4096

    private struct Remembered {
        var token: TokenRecord
        var until: ContinuousClock.Instant
    }
    private struct State {
        var remembered: [[UInt8]: Remembered] = [:]
        var failures = FailedCredentials()
    }

    private let store: Store
    private let clock: any ServerClock
    private let state = Mutex(State())

    init(store: Store, clock: any ServerClock) {
        self.store = store
        self.clock = clock
    }

    /// - Parameters:
    ///   - authorization: the header's value.
    ///   - address: where the request came from.
    /// - Throws: ``Problem`` `unauthenticated` or `rate-limited`; what the database throws.
    func token(authorization: String?, address: String) async throws -> TokenRecord {
        guard let authorization else { throw Self.refusal("The request carries no token.") }
        let now = self.clock.now
        let parsed = Self.bearer(authorization).flatMap { TokenText($0) }
        let digest = parsed.map { Array(SHA256.hash(data: $0.secret)) }
        if let parsed, let digest, let token = self.remembered(digest, id: parsed.id, at: now) { return token }
        if let wait = self.state.withLock({ $0.failures.wait(address, at: now) }) {
            throw Problem(.rateLimited, "Too many requests with a wrong token came from this address.").retrying(after: wait)
        }
        guard let parsed, let digest, let token = try await self.store.authenticate(tokenID: parsed.id, secretSHA256: digest) else {
            self.state.withLock { $0.failures.failed(address, at: now) }
            throw Self.refusal("The token is not valid.")
        }
        self.remember(token, digest, at: now)
        return token
    }

    /// Forgets what was believed of a token, so that its own node need not wait for the second to pass.
    func forget(id: String) {
        self.state.withLock { state in state.remembered = state.remembered.filter { $0.value.token.id != id } }
    }

    private func remembered(_ digest: [UInt8], id: String, at now: ContinuousClock.Instant) -> TokenRecord? {
        self.state.withLock { state in
            guard let remembered = state.remembered[digest], remembered.until > now, remembered.token.id == id else { return nil }
            return remembered.token
        }
    }

    private func remember(_ token: TokenRecord, _ digest: [UInt8], at now: ContinuousClock.Instant) {
        self.state.withLock { state in
            if state.remembered.count >= Self.maximumAnswers { state.remembered = state.remembered.filter { $0.value.until > now } }
            guard state.remembered.count < Self.maximumAnswers else { return }
            state.remembered[digest] = Remembered(token: token, until: now + Self.believed)
        }
    }

    private static func refusal(_ detail: String) -> Problem {
        Problem(.unauthenticated, detail).with(header: .wwwAuthenticate, "Bearer realm=\"muster\"")
    }

    private static func bearer(_ header: String) -> String? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}

/// The monotonic clock that limits and waits are measured by; a test's moves when told.
protocol ServerClock: Sendable {
    var now: ContinuousClock.Instant { get }
    func sleep(for duration: Duration) async throws
}

struct SystemServerClock: ServerClock {
    var now: ContinuousClock.Instant { .now }
    func sleep(for duration: Duration) async throws { try await ContinuousClock().sleep(for: duration) }
}
