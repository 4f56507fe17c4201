/// Waiting for something outside this process that has no event to wait for.

/// What did not come to pass, and what was seen instead.
struct TimedOut: Error, CustomStringConvertible {
    var description: String
}

/// How long anything may take on a machine that is busy with other tests. Reaching it is a failure; nothing waits for it to pass.
let patience = Duration.seconds(150)

/// Looks again and again until `look` gives something.
/// - Parameter seen: what to say about the state of things when it never does.
func eventually<T>(
    _ what: String, within limit: Duration = patience, every interval: Duration = .milliseconds(100), seen: () async -> String = { "" },
    _ look: () async throws -> T?
) async throws -> T {
    let end = ContinuousClock.now + limit
    while true {
        if let found = try await look() { return found }
        guard ContinuousClock.now < end else { throw TimedOut(description: "not within \(limit): \(what)\n\(await seen())") }
        try await Task.sleep(for: interval)
    }
}

func eventually(
    _ what: String, within limit: Duration = patience, every interval: Duration = .milliseconds(100), seen: () async -> String = { "" },
    _ look: () async throws -> Bool
) async throws {
    let _: Bool = try await eventually(what, within: limit, every: interval, seen: seen) { try await look() ? true : nil }
}
