/// The right edge of the tree: the roots of its complete subtrees, largest first, one for each bit that is set in `size`.
///
/// It is enough to append and to compute the root without reading any earlier leaf.
public struct Frontier: Sendable, Hashable {
    /// Leaves in the tree.
    public private(set) var size: Int64
    private var nodes: [Digest]

    /// The empty tree.
    public init() {
        self.size = 0
        self.nodes = []
    }

    /// Reads what ``bytes`` wrote; nil when the length does not fit the size.
    public init?(size: Int64, bytes: [UInt8]) {
        guard size >= 0, bytes.count == size.nonzeroBitCount * Digest.byteCount else { return nil }
        self.size = size
        self.nodes = stride(from: 0, to: bytes.count, by: Digest.byteCount).compactMap {
            Digest(bytes[$0..<$0 + Digest.byteCount])
        }
    }

    /// At most 63 × 32 bytes.
    public var bytes: [UInt8] { self.nodes.flatMap(\.bytes) }

    /// The RFC 6962 root over all leaves.
    public var root: Digest {
        guard var root = self.nodes.last else { return TreeHash.empty }
        for node in self.nodes.dropLast().reversed() { root = TreeHash.node(node, root) }
        return root
    }

    /// Appends a leaf by its hash. Takes as many hashes of nodes as complete subtrees are closed by it: one on average.
    public mutating func append(_ leafHash: Digest) { self.append(leafHash, height: 0) }

    /// Appends a complete subtree of 2^height leaves by its root.
    ///
    /// - Precondition: the tree so far is made of subtrees of that size at least.
    mutating func append(_ hash: Digest, height: Int) {
        precondition(self.size & (1 << Int64(height) - 1) == 0, "a subtree is appended where a smaller one is open")
        var merged = hash
        var complete = self.size >> Int64(height)
        while complete & 1 == 1 {
            merged = TreeHash.node(self.nodes.removeLast(), merged)
            complete >>= 1
        }
        self.nodes.append(merged)
        self.size += 1 << Int64(height)
    }
}
