/// When a certificate is to be renewed, as a function of its dates: at half its life, and a little later by the node's name, so that the nodes of a
/// cluster, issued in one go, don't renew in one go.
public struct RenewalSchedule: Sendable, Hashable {
    /// Seconds since 1970-01-01T00:00:00Z.
    public var notBefore: Int64
    /// Seconds since 1970-01-01T00:00:00Z.
    public var notAfter: Int64
    /// The name that spreads the renewals of one issue.
    public var node: String

    public init(notBefore: Int64, notAfter: Int64, node: String) {
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.node = node
    }

    /// The jitter's share of the life: renewal falls between 50 % and 60 % of it.
    private static let jitterShare: Int64 = 10

    /// In seconds; 0 for dates that contradict each other.
    public var lifetime: Int64 { max(0, self.notAfter - self.notBefore) }

    /// Seconds since 1970-01-01T00:00:00Z.
    public var renewAt: Int64 {
        let window = self.lifetime / Self.jitterShare
        let jitter = window == 0 ? 0 : Int64(Self.hash(self.node) % UInt64(window))
        return self.notBefore + self.lifetime / 2 + jitter
    }

    /// - Parameter now: seconds since 1970-01-01T00:00:00Z.
    public func isDue(at now: Int64) -> Bool { now >= self.renewAt }

    /// How urgent a renewal that has not come yet is.
    public enum Urgency: Int, Sendable, Hashable, Comparable, CaseIterable {
        /// More than half of the life is left.
        case none
        /// At most 50 % is left.
        case half
        /// At most 20 % is left.
        case fifth
        /// At most 5 % is left.
        case twentieth
        case expired

        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// - Parameter now: seconds since 1970-01-01T00:00:00Z.
    public func urgency(at now: Int64) -> Urgency {
        let left = self.notAfter - now
        if left < 0 { return .expired }
        // Divided rather than multiplied: no lifetime overflows.
        if left <= self.lifetime / 20 { return .twentieth }
        if left <= self.lifetime / 5 { return .fifth }
        return left <= self.lifetime / 2 ? .half : .none
    }

    /// FNV-1a with a final mix (names often differ in the last letter only): the same on every node and in every run, unlike Swift's own hash.
    private static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        return hash ^ (hash >> 33)
    }
}
