import Crypto

/// The advisory lock of a shard.
public enum LockKey {
    /// The first eight bytes, big endian and signed, of the SHA-256 of `muster/1`, a zero byte and the cluster's name; a shard
    /// other than `main` follows behind another zero byte.
    public static func of(cluster: String, shard: String) -> Int64 {
        var text = Array("muster/1".utf8) + [0] + Array(cluster.utf8)
        if shard != "main" { text += [0] + Array(shard.utf8) }
        var hash = SHA256()
        text.withUnsafeBytes { hash.update(bufferPointer: $0) }
        let prefix = hash.finalize().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int64(bitPattern: prefix)
    }
}
