import Model

/// The timers of leadership. Nodes of one cluster should share them; nodes that don't are still safe, since a leader's
/// lease is written down with its term and a successor waits for the longer one.
public struct Timing: Sendable, Hashable {
    /// H: the leader beats this often, and every node looks at the holder this often.
    public var beat: Duration
    /// Tself: a leader acts only within this time after sending a beat that was answered.
    public var lease: Duration
    /// Tidle: the server ends a lock session that has been silent for this long.
    public var idle: Duration
    /// Tevict: peers end a lock session that they have seen silent for this long.
    public var evict: Duration
    /// A waiter asks for the lock in slices of this length, since a waiting statement holds back vacuum.
    public var slice: Duration
    /// How many times as long as configured all but the slice are, since there were too many leader changes.
    public private(set) var stretch = 1

    public init(beat: Duration, lease: Duration, idle: Duration, evict: Duration, slice: Duration = .seconds(2)) {
        self.beat = beat
        self.lease = lease
        self.idle = idle
        self.evict = evict
        self.slice = slice
    }

    /// One data centre, or several with less than ~20 ms between them.
    public static let standard = Timing(
        beat: .milliseconds(100), lease: .milliseconds(700), idle: .milliseconds(1000), evict: .milliseconds(1500))
    /// A frozen leader is replaced in half a second; asks for a quiet network and machine.
    public static let fast = Timing(
        beat: .milliseconds(50), lease: .milliseconds(300), idle: .milliseconds(500), evict: .milliseconds(800))
    /// Nodes far from the database.
    public static let wan = Timing(
        beat: .milliseconds(300), lease: .milliseconds(2000), idle: .milliseconds(3000), evict: .milliseconds(4500))

    /// The profile of that name (`default`, `fast`, `wan`); nil for any other.
    public init?(profile: String) {
        switch profile {
        case "default": self = .standard
        case "fast": self = .fast
        case "wan": self = .wan
        default: return nil
        }
    }

    /// How much faster one node's clock may run than another's: one part in this many. Quartz stays within 1 in 10 000;
    /// a virtual machine that slews its clock stays within 1 in 1000.
    static let driftDivisor = 100
    /// Between the end of a lease and the end of its session there must be time for a beat that is on its way.
    static let leastMargin = Duration.milliseconds(100)
    /// Longest timer: a value beyond it is a mistake in its unit.
    static let longest = Duration.seconds(60)

    /// Why these timers can't work, in words; nil when they can.
    public var objection: String? {
        let all = [self.beat, self.lease, self.idle, self.evict, self.slice]
        if let wrong = all.first(where: { $0 < .milliseconds(1) || $0 > Self.longest }) {
            return "each timer lies between 1ms and \(Self.longest.text), not \(wrong.text)"
        }
        if self.beat * 4 > self.lease {
            return "lease \(self.lease.text) must be at least 4 beats (\((self.beat * 4).text)): one lost beat would end it"
        }
        let leastIdle = Self.withDrift(self.lease) + max(Self.leastMargin, self.beat)
        if self.idle < leastIdle {
            return "idle \(self.idle.text) must be at least \(leastIdle.text) (lease + 1 % + a beat): "
                + "the server would hand the lock on while the old leader may still act"
        }
        if self.evict < self.idle + self.beat * 3 {
            return "evict \(self.evict.text) must be at least \((self.idle + self.beat * 3).text) (idle + 3 beats)"
        }
        return nil
    }

    /// `duration` as a node with the slowest permitted clock measures it.
    static func withDrift(_ duration: Duration) -> Duration { duration + duration / Self.driftDivisor }

    /// All timers of the protocol times `factor`; the slice stays.
    func stretched(by factor: Int) -> Timing {
        var timing = Timing(
            beat: self.beat * factor, lease: self.lease * factor, idle: self.idle * factor, evict: self.evict * factor,
            slice: self.slice)
        timing.stretch = self.stretch * factor
        return timing
    }

    /// The longest lease that a node with these timers may hold, however many leader changes there were.
    public var longestLease: Duration { self.lease / self.stretch * ChangeRate.greatestFactor }
}
