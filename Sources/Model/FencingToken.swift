/// Timeline and epoch as one number that rises with every term, also across failovers of the database that forget an epoch.
public struct FencingToken: Sendable, Hashable, Comparable {
    /// Bits of the epoch. 2^40 terms are one every second for 34 000 years.
    public static let epochBits = 40

    /// As one number, which only rises.
    public var value: Int64

    /// `timeline << 40 | epoch`. An epoch outside its 40 bits is cut to them; the leader table refuses it before.
    public init(timeline: Int32, epoch: Epoch) {
        let mask = (Int64(1) << Self.epochBits) - 1
        self.value = Int64(timeline & 0x7F_FFFF) << Self.epochBits | (epoch.value & mask)
    }

    /// A token as it was kept or sent.
    public init(value: Int64) { self.value = value }

    public static func < (left: FencingToken, right: FencingToken) -> Bool { left.value < right.value }
}
