/// 256 neighbouring hashes of one level of the tree: what static proof serving stores.
///
/// Level 0 holds leaf hashes; each hash of level L+1 is the root over one full tile of level L.
public struct Tile: Sendable, Hashable {
    /// Hashes in a full tile.
    public static let width = 256
    /// Levels of the tree between two levels of tiles.
    static let height = 8

    /// 0 for leaf hashes; each further one stands on ``width`` times as many leaves.
    public let level: Int
    /// Its place among the tiles of its level, from 0 on.
    public let index: Int64
    /// ``width`` of them: only full tiles are made.
    public let hashes: [Digest]

    init(level: Int, index: Int64, hashes: [Digest]) {
        self.level = level
        self.index = index
        self.hashes = hashes
    }

    /// Reads a full tile as ``bytes`` wrote it; nil unless it is one.
    public init?(level: Int, index: Int64, bytes: [UInt8]) {
        guard level >= 0, index >= 0, bytes.count == Self.width * Digest.byteCount else { return nil }
        self.level = level
        self.index = index
        self.hashes = stride(from: 0, to: bytes.count, by: Digest.byteCount).compactMap {
            Digest(bytes[$0..<$0 + Digest.byteCount])
        }
    }

    /// 8192 bytes.
    public var bytes: [UInt8] { self.hashes.flatMap(\.bytes) }

    /// The root over all its hashes.
    public var root: Digest {
        var frontier = Frontier()
        for hash in self.hashes { frontier.append(hash) }
        return frontier.root
    }
}

/// Collects leaf hashes into full tiles. It holds at most 255 hashes a level, and at most eight levels.
public struct TileBuilder: Sendable, Hashable {
    /// Leaves so far.
    public private(set) var size: Int64
    /// By level, the hashes after its last full tile.
    private var pending: [[Digest]]

    /// For an empty tree.
    public init() {
        self.size = 0
        self.pending = []
    }

    /// Goes on where another builder stopped.
    ///
    /// - Parameter reading: gives hash `index` of tile level `level`: for level 0 the leaf hash, above it the ``Tile/root`` of the full tile
    ///   `index` of the level below. It is asked for at most 255 of each level.
    /// - Precondition: `size` is not negative.
    public init<Failure: Error>(
        size: Int64, reading: (_ level: Int, _ index: Int64) throws(Failure) -> Digest
    ) throws(Failure) {
        precondition(size >= 0, "a tree has no negative size")
        self.init()
        var count = size
        while count > 0 {
            var hashes: [Digest] = []
            for index in (count - count % Int64(Tile.width))..<count {
                hashes.append(try reading(self.pending.count, index))
            }
            self.pending.append(hashes)
            count /= Int64(Tile.width)
        }
        self.size = size
    }

    /// - Returns: the tiles that this leaf completed, lowest level first; mostly none.
    public mutating func append(_ leafHash: Digest) -> [Tile] {
        self.size += 1
        var full: [Tile] = []
        var hash = leafHash
        for level in 0... {
            if level == self.pending.count { self.pending.append([]) }
            self.pending[level].append(hash)
            guard self.pending[level].count == Tile.width else { break }
            let index = self.size >> Int64(Tile.height * (level + 1)) - 1
            let tile = Tile(level: level, index: index, hashes: self.pending[level])
            full.append(tile)
            hash = tile.root
            self.pending[level].removeAll(keepingCapacity: true)
        }
        return full
    }

    /// The tree's right edge, rebuilt from what is pending: how a frontier is checked against the tiles.
    public var frontier: Frontier {
        var frontier = Frontier()
        for (level, hashes) in self.pending.enumerated().reversed() {
            for hash in hashes { frontier.append(hash, height: Tile.height * level) }
        }
        return frontier
    }
}
