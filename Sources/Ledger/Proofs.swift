/// Inclusion and consistency proofs of RFC 6962 section 2.1, verified as RFC 9162 section 2.1 says.
///
/// Making a proof takes the roots of complete subtrees: `reading(level, index)` is the root over the leaves
/// `index·2^level ..< (index+1)·2^level`, all of them inside the tree; level 0 is the leaf hash itself.
public enum Proofs {
    /// The hashes, lowest first, that lead from leaf `index` to the root of the first `size` leaves.
    ///
    /// - Returns: nil when there is no such leaf.
    public static func inclusion<Failure: Error>(
        index: Int64, size: Int64, reading: (_ level: Int, _ index: Int64) throws(Failure) -> Digest
    ) throws(Failure) -> [Digest]? {
        guard index >= 0, index < size else { return nil }
        var proof: [Digest] = []
        var range = 0..<size
        while range.count > 1 {
            let split = Self.split(range)
            if index < split {
                proof.append(try Self.root(of: split..<range.upperBound, reading))
                range = range.lowerBound..<split
            } else {
                proof.append(try Self.root(of: range.lowerBound..<split, reading))
                range = split..<range.upperBound
            }
        }
        return proof.reversed()
    }

    /// The hashes that show that the tree of `newSize` leaves begins with that of `oldSize` leaves.
    ///
    /// - Returns: nil unless 0 ≤ `oldSize` ≤ `newSize`; an empty proof for the empty tree and for equal sizes.
    public static func consistency<Failure: Error>(
        from oldSize: Int64, to newSize: Int64, reading: (_ level: Int, _ index: Int64) throws(Failure) -> Digest
    ) throws(Failure) -> [Digest]? {
        guard oldSize >= 0, oldSize <= newSize else { return nil }
        guard oldSize > 0, oldSize < newSize else { return [] }
        var proof: [Digest] = []
        var range = 0..<newSize
        // Whoever verifies knows the old root; where the old tree is one of the new one's subtrees, that is all it takes.
        var isOldRootKnown = true
        while range.upperBound != oldSize {
            let split = Self.split(range)
            if oldSize <= split {
                proof.append(try Self.root(of: split..<range.upperBound, reading))
                range = range.lowerBound..<split
            } else {
                proof.append(try Self.root(of: range.lowerBound..<split, reading))
                range = split..<range.upperBound
                isOldRootKnown = false
            }
        }
        if !isOldRootKnown { proof.append(try Self.root(of: range, reading)) }
        return proof.reversed()
    }

    /// Whether `proof` leads from the leaf at `index` to `root`, the root over `size` leaves.
    public static func verifyInclusion(
        of leafHash: Digest, index: Int64, size: Int64, proof: [Digest], root: Digest
    ) -> Bool {
        guard index >= 0, index < size else { return false }
        var node = index
        var last = size - 1
        var hash = leafHash
        for sibling in proof {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                hash = TreeHash.node(sibling, hash)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                hash = TreeHash.node(hash, sibling)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && hash == root
    }

    /// Whether `proof` shows that the tree with `newRoot` over `newSize` leaves begins with that with `oldRoot` over `oldSize` leaves.
    public static func verifyConsistency(
        from oldSize: Int64, oldRoot: Digest, to newSize: Int64, newRoot: Digest, proof: [Digest]
    ) -> Bool {
        guard oldSize >= 0, oldSize <= newSize else { return false }
        if oldSize == newSize { return proof.isEmpty && oldRoot == newRoot && (oldSize > 0 || oldRoot == TreeHash.empty) }
        if oldSize == 0 { return proof.isEmpty && oldRoot == TreeHash.empty }
        // An old tree of 2^n leaves is itself the first subtree, which the proof leaves out.
        let path = oldSize & (oldSize - 1) == 0 ? [oldRoot] + proof : proof
        guard let first = path.first else { return false }
        var node = oldSize - 1
        var last = newSize - 1
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        var old = first
        var new = first
        for sibling in path.dropFirst() {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                old = TreeHash.node(sibling, old)
                new = TreeHash.node(sibling, new)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                new = TreeHash.node(new, sibling)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && old == oldRoot && new == newRoot
    }

    // MARK: Subtrees

    /// Where RFC 6962 divides a tree: after the largest power of two that is less than its size.
    private static func split(_ range: Range<Int64>) -> Int64 {
        let count = range.upperBound - range.lowerBound
        return range.lowerBound + 1 << Int64(63 - (count - 1).leadingZeroBitCount)
    }

    /// The root over a range of leaves that begins at a multiple of the subtrees in it.
    private static func root<Failure: Error>(
        of range: Range<Int64>, _ reading: (_ level: Int, _ index: Int64) throws(Failure) -> Digest
    ) throws(Failure) -> Digest {
        let count = range.upperBound - range.lowerBound
        guard count & (count - 1) != 0 else {
            let level = count.trailingZeroBitCount
            return try reading(level, range.lowerBound >> Int64(level))
        }
        let split = Self.split(range)
        let left = try Self.root(of: range.lowerBound..<split, reading)
        let right = try Self.root(of: split..<range.upperBound, reading)
        return TreeHash.node(left, right)
    }
}
