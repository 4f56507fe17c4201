import Model

/// Decides when a holder that has fallen silent is to be ended by its peers: the second way, for servers without an idle
/// timeout and for server clocks that jump back.
///
/// No quorum takes part: an eviction that was not needed costs a few milliseconds and never safety.
struct HolderWatch: Sendable, Hashable {
    /// What a backend waits for that waits for its client, whatever state it calls itself.
    static let silent = "ClientRead"

    private var seen: Holder?
    private var since = Instant(nanoseconds: 0)

    /// Takes a look into account; true when the holder seen has been silent for too long.
    /// - Parameter roundTrip: of the look itself. A slow database makes every leader look silent.
    mutating func note(_ holder: Holder?, roundTrip: Duration?, timing: Timing, at now: Instant) -> Bool {
        guard let holder, holder.waitEvent == Self.silent, let roundTrip, roundTrip < timing.beat else {
            self.seen = nil
            return false
        }
        guard holder == self.seen else {
            self.seen = holder
            self.since = now
            return false
        }
        guard now - self.since >= timing.evict else { return false }
        // If that does not end it, again after as long.
        self.since = now
        return true
    }

    mutating func forget() { self.seen = nil }
}
