import Model

/// Round trip and clock offset of one peer, from the stamps of pings and acks.
///
/// With t0, t3 this node's stamps of ping and ack and t1, t2 the peer's: the offset is ((t1 − t0) + (t2 − t3)) / 2, wrong by at most half of the
/// time spent on the way. So of the last eight samples the one with the shortest round trip is believed (NTP's clock filter).
struct ClockFilter: Sendable {
    static let size = 8
    /// Parts of a new round trip in the smoothed one: 1/8, as TCP has it.
    private static let smoothing: Int64 = 8

    private var samples: [(roundTrip: Int64, offset: Int64)] = []
    private var next = 0
    private(set) var smoothed: Int64?

    /// - Parameters:
    ///   - roundTrip: nanoseconds on this node's boot clock, the peer's own time taken off.
    ///   - offset: microseconds of wall time.
    mutating func add(roundTrip: Int64, offset: Int64) {
        let bounded = max(0, roundTrip)
        if self.samples.count < Self.size {
            self.samples.append((bounded, offset))
        } else {
            self.samples[self.next] = (bounded, offset)
        }
        self.next = (self.next + 1) % Self.size
        if let smoothed {
            self.smoothed = smoothed + (bounded - smoothed) / Self.smoothing
        } else {
            self.smoothed = bounded
        }
    }

    var roundTrip: Duration? { self.smoothed.map { .nanoseconds($0) } }

    var offset: ClockOffset? {
        self.samples.min { $0.roundTrip < $1.roundTrip }
            .map { ClockOffset(offset: .microseconds($0.offset), error: .nanoseconds($0.roundTrip / 2)) }
    }
}
