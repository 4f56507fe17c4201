/// Cuts a stream of bytes into frames: four bytes of length, big-endian, then as many bytes of payload.
///
/// It holds at most the bytes of what was appended last and of one unfinished frame; `append` refuses a length that is zero or above the limit
/// as soon as its four bytes are there. After an error the stream has no meaning any more, and each later call throws the same.
public struct FrameDecoder: Sendable {
    /// Bytes before a payload.
    public static let headerBytes = 4

    /// A length that can't be: the two sides no longer agree where frames begin.
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// What the header said.
        public var length: UInt32
        /// Longest payload in bytes that was to be accepted.
        public var limit: Int

        public var description: String {
            self.length == 0 ? "a peer sent a frame of no bytes" : "a peer sent a frame of \(self.length) bytes, more than \(self.limit)"
        }
    }

    private let limit: Int
    private var pending: [UInt8] = []
    private var failure: Failure?

    /// - Parameter limit: longest payload in bytes.
    public init(limit: Int = PeerMessage.maximumBytes) { self.limit = limit }

    /// Bytes that wait for the rest of their frame.
    public var buffered: Int { self.pending.count }

    /// Takes bytes as they come and returns the payloads that are complete.
    ///
    /// - Throws: ``Failure``; payloads before the bad frame in the same call are lost, and the link is to be closed.
    public mutating func append(_ bytes: some Sequence<UInt8>) throws(Failure) -> [ArraySlice<UInt8>] {
        if let failure { throw failure }
        self.pending.append(contentsOf: bytes)
        var frames: [ArraySlice<UInt8>] = []
        var position = 0
        while self.pending.count - position >= Self.headerBytes {
            let length = self.pending[position..<position + Self.headerBytes].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard length > 0, Int(length) <= self.limit else {
                let failure = Failure(length: length, limit: self.limit)
                self.failure = failure
                self.pending = []
                throw failure
            }
            let start = position + Self.headerBytes
            let end = start + Int(length)
            guard self.pending.count >= end else { break }
            frames.append(self.pending[start..<end])
            position = end
        }
        if position > 0 { self.pending = Array(self.pending[position...]) }
        return frames
    }

    /// The payload with its length before it. The payload must not be empty nor longer than the receiver's limit.
    public static func frame(_ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerBytes + payload.count)
        let length = UInt32(truncatingIfNeeded: payload.count)
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
        bytes.append(contentsOf: payload)
        return bytes
    }
}
