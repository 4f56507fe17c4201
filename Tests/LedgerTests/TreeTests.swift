@testable import Ledger
import SeededRandom
import Testing

@Suite struct TreeTests {
    /// The eight leaves that the certificate-transparency projects test with, and the roots over the first 0…8 of them.
    static let knownLeaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        .map { [UInt8](hex: $0) }
    static let knownRoots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test("the roots over the well-known eight leaves are the well-known ones")
    func knownAnswers() {
        var frontier = Frontier()
        #expect(frontier.root.hex == Self.knownRoots[0])
        for (index, leaf) in Self.knownLeaves.enumerated() {
            frontier.append(TreeHash.leaf(leaf))
            #expect(frontier.root.hex == Self.knownRoots[index + 1])
        }
    }

    /// Leaf `i` is the first `1 + i mod 32` bytes of SHA-256("leaf i"); computed with pymerkle 7.0.0.
    static func referenceLeaves(_ count: Int) -> [[UInt8]] {
        (0..<count).map { index in
            let text = Array("leaf \(index)".utf8)
            return Array(TreeHash.sha256(text).bytes.prefix(1 + index % 32))
        }
    }

    @Test("the roots over 0 to 300 leaves are those of an implementation in another language")
    func pymerkleRoots() {
        var frontier = Frontier()
        var roots = frontier.root.bytes
        var some: [Int64: String] = [:]
        for leaf in Self.referenceLeaves(300) {
            frontier.append(TreeHash.leaf(leaf))
            roots += frontier.root.bytes
            some[frontier.size] = frontier.root.hex
        }
        #expect(some[1] == "474f2af47544e9c7ce4338cabd43c5ca1c26432b7300ce387406157ea433891f")
        #expect(some[7] == "816fdedb4e52682d801131ff55a94a19a3976d4bef7425ffe765aed2e3c0f86f")
        #expect(some[256] == "cbfb8ac280b15cf6cea0457b2e7c42408f28216ac54085083b8843dde7c331ca")
        #expect(some[257] == "480573449af27f62f83aee6791209a8f202d6696e25a20c8224c963881f386a8")
        #expect(some[300] == "18f8d95da1ea66a5bdbc8a3b9f5e7def69b4a5cbac931839e4a92426fce7fa64")
        // SHA-256 over all 301 roots.
        #expect(TreeHash.sha256(roots).hex == "2b3b101ba41b81c408e2ada0ce21206ddc0f5ba693d96ef174b8d4e66d454e2d")
    }

    @Test("a frontier has the root of the recursive definition, and survives its bytes, at every size", arguments: [1, 2] as [UInt64])
    func frontierEqualsDefinition(seed: UInt64) throws {
        var generator = Seeded(seed: seed)
        var leaves: [[UInt8]] = []
        var frontier = Frontier()
        for size in 0...600 {
            #expect(frontier.size == Int64(size))
            #expect(frontier.root == NaiveTree.root(leaves[...]), "seed \(seed), size \(size)")
            let bytes = frontier.bytes
            #expect(bytes.count == 32 * size.nonzeroBitCount)
            // The next leaf is appended to what the bytes gave back.
            frontier = try #require(Frontier(size: Int64(size), bytes: bytes), "seed \(seed), size \(size)")
            let leaf = generator.bytes(Int.random(in: 0...80, using: &generator))
            leaves.append(leaf)
            frontier.append(TreeHash.leaf(leaf))
        }
    }

    @Test("a frontier refuses bytes that don't fit its size")
    func frontierRefuses() {
        #expect(Frontier(size: 0, bytes: []) != nil)
        #expect(Frontier(size: 3, bytes: [UInt8](repeating: 0, count: 64)) != nil)
        #expect(Frontier(size: 3, bytes: [UInt8](repeating: 0, count: 63)) == nil)
        #expect(Frontier(size: 4, bytes: [UInt8](repeating: 0, count: 64)) == nil)
        #expect(Frontier(size: -1, bytes: []) == nil)
    }

    @Test("a digest is 32 bytes, written in hexadecimal and base64")
    func digest() throws {
        let empty = TreeHash.empty
        #expect(empty.hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(empty.base64 == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
        #expect(Digest(empty.bytes) == empty)
        #expect(Digest([UInt8](repeating: 0, count: 31)) == nil)
        #expect(Digest([UInt8](repeating: 0, count: 33)) == nil)
        #expect(Digest([UInt8](1...32))?.bytes == [UInt8](1...32))
        #expect(Digest([UInt8](1...32)) != Digest([UInt8](2...33)))
    }
}

@Suite struct TileTests {
    /// 66 000 leaves fill tiles of level 0 and one of level 1.
    @Test("tiles come when they are full, hold their hashes, and lead to the tree's own root")
    func tilesAreComplete() throws {
        let hashes = (0..<66_000).map { TreeHash.leaf(Array("\($0)".utf8)) }
        var builder = TileBuilder()
        var frontier = Frontier()
        var tiles: [Tile] = []
        for hash in hashes {
            frontier.append(hash)
            tiles += builder.append(hash)
        }
        let level0 = tiles.filter { $0.level == 0 }
        let level1 = tiles.filter { $0.level == 1 }
        #expect(level0.map(\.index) == (0..<257).map(Int64.init))
        #expect(level1.map(\.index) == [0])
        #expect(tiles.count == 258)
        #expect(level0[5].hashes == Array(hashes[5 * 256..<6 * 256]))
        #expect(level1[0].hashes == level0[..<256].map(\.root))
        #expect(builder.frontier == frontier)
        let bytes = level0[5].bytes
        #expect(bytes.count == 8192)
        #expect(Tile(level: 0, index: 5, bytes: bytes) == level0[5])
        #expect(Tile(level: 0, index: 5, bytes: Array(bytes.dropLast())) == nil)
    }

    @Test("a builder that takes over goes on as if it had seen everything", arguments: [0, 1, 255, 256, 257, 1000, 65_535, 65_536, 65_793])
    func takeover(size: Int) throws {
        let hashes = (0..<size + 300).map { TreeHash.leaf(Array("\($0)".utf8)) }
        var original = TileBuilder()
        var stored: [Int: [Int64: Tile]] = [:]
        for hash in hashes[..<size] {
            for tile in original.append(hash) { stored[tile.level, default: [:]][tile.index] = tile }
        }
        var asked = 0
        var successor = TileBuilder(size: Int64(size)) { level, index in
            asked += 1
            return level == 0 ? hashes[Int(index)] : stored[level - 1]?[index]?.root ?? TreeHash.empty
        }
        #expect(asked <= 255 * 3)
        #expect(successor.frontier == original.frontier)
        for hash in hashes[size...] { #expect(successor.append(hash) == original.append(hash)) }
        #expect(successor.frontier.root == original.frontier.root)
    }
}
