import Crypto

/// The hashes of an RFC 6962 tree. The first byte keeps leaves and nodes apart, so that neither can pass for the other.
public enum TreeHash {
    /// The root of a tree without leaves: SHA-256 of nothing.
    public static let empty = Self.sha256([])

    /// `SHA256(0x00 ‖ bytes)`.
    public static func leaf(_ bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { Self.leaf($0) }
    }

    /// `SHA256(0x00 ‖ bytes)`.
    public static func leaf(_ bytes: UnsafeRawBufferPointer) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: bytes.count + 1, alignment: 8) { buffer in
            buffer[0] = 0
            UnsafeMutableRawBufferPointer(rebasing: buffer[1...]).copyMemory(from: bytes)
            return Self.sha256(UnsafeRawBufferPointer(buffer))
        }
    }

    /// `SHA256(0x01 ‖ left ‖ right)`.
    public static func node(_ left: Digest, _ right: Digest) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: 1 + 2 * Digest.byteCount, alignment: 8) { buffer in
            buffer[0] = 1
            left.store(to: buffer, at: 1)
            right.store(to: buffer, at: 1 + Digest.byteCount)
            return Self.sha256(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Plain SHA-256, for references to what a leaf leaves out.
    static func sha256(_ bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { Self.sha256($0) }
    }

    private static func sha256(_ bytes: UnsafeRawBufferPointer) -> Digest {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return hash.finalize().withUnsafeBytes { Digest(loading: $0) }
    }
}
