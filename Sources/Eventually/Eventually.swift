// Waiting, in tests, for what has no event to wait for: another process, another thread.

/// What did not come to pass.
public struct NeverSo: Error, CustomStringConvertible {
    /// What it was, where it was waited for, for how long, and what was seen instead.
    public let description: String
}

/// How long anything may take on a machine that is busy with other tests. Reaching it is a failure; nothing waits for it to pass.
public let patience = Duration.seconds(150)

/// The shortest pause between two looks.
private let shortestPause = Duration.milliseconds(5)

/// Looks again and again until `look` gives something.
///
/// - Parameters:
///   - what: is to come to pass, for the error.
///   - limit: of the waiting; one look more is made when it has passed.
///   - interval: the longest pause between two looks, many of which start a program; sooner than that a tenth of the time waited so far.
///   - seen: what to say about the state of things when it never does.
/// - Throws: ``NeverSo``, also when the task is cancelled first, as a test's time limit does; and what `look` throws.
public func eventually<Found>(
    _ what: String, within limit: Duration = patience, every interval: Duration = .milliseconds(100), seen: () async -> String = { "" },
    file: String = #fileID, line: Int = #line, _ look: () async throws -> Found?
) async throws -> Found {
    let clock = ContinuousClock(), start = clock.now
    while true {
        if let found = try await look() { return found }
        let waited = clock.now - start
        if waited < limit, (try? await clock.sleep(for: min(max(shortestPause, waited / 10), interval))) != nil { continue }
        throw NeverSo(description: "\(file):\(line): not within \(clock.now - start): \(what)\n\(await seen())")
    }
}

/// Looks again and again until `look` is true; see ``eventually(_:within:every:seen:file:line:_:)->Found``.
public func eventually(
    _ what: String, within limit: Duration = patience, every interval: Duration = .milliseconds(100), seen: () async -> String = { "" },
    file: String = #fileID, line: Int = #line, _ look: () async throws -> Bool
) async throws {
    let _: Bool = try await eventually(what, within: limit, every: interval, seen: seen, file: file, line: line) { try await look() ? true : nil }
}
