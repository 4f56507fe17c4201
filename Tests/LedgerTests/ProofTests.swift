import Ledger
import Testing

@Suite struct ProofTests {
    static let leaves = (0..<70).map { Array("proof \($0)".utf8) }
    static let hashes = Self.leaves.map { TreeHash.leaf($0) }

    static func node(_ level: Int, _ index: Int64) -> Digest {
        let width = 1 << level
        return NaiveTree.root(Self.leaves[Int(index) * width..<(Int(index) + 1) * width])
    }

    @Test("an inclusion proof is RFC 6962's and verifies, for every leaf of every tree up to 70")
    func inclusion() throws {
        for size in 1...70 {
            let root = NaiveTree.root(Self.leaves[..<size])
            for index in 0..<size {
                let proof = try #require(
                    Proofs.inclusion(index: Int64(index), size: Int64(size)) { Self.node($0, $1) })
                #expect(proof == NaiveTree.path(index, Self.leaves[..<size]))
                #expect(
                    Proofs.verifyInclusion(
                        of: Self.hashes[index], index: Int64(index), size: Int64(size), proof: proof, root: root))
            }
        }
    }

    @Test("a tampered inclusion proof is rejected")
    func tamperedInclusion() throws {
        let other = TreeHash.leaf([1, 2, 3])
        for size in [1, 2, 3, 7, 8, 21, 64, 70] {
            let root = NaiveTree.root(Self.leaves[..<size])
            for index in 0..<size {
                let proof = NaiveTree.path(index, Self.leaves[..<size])
                func verify(
                    _ proof: [Digest], leaf: Digest? = nil, index changed: Int? = nil, root changedRoot: Digest? = nil
                ) -> Bool {
                    Proofs.verifyInclusion(
                        of: leaf ?? Self.hashes[index], index: Int64(changed ?? index), size: Int64(size), proof: proof,
                        root: changedRoot ?? root)
                }
                #expect(verify(proof))
                #expect(!verify(proof, leaf: other))
                #expect(!verify(proof, root: other))
                #expect(!verify(proof + [other]))
                #expect(!verify([other] + proof))
                for wrong in [-1, index - 1, index + 1, size, size + index] { #expect(!verify(proof, index: wrong)) }
                for place in proof.indices {
                    var changed = proof
                    changed[place] = other
                    #expect(!verify(changed))
                    changed.remove(at: place)
                    #expect(!verify(changed))
                }
            }
        }
    }

    @Test("a consistency proof is RFC 6962's and verifies, for every pair of sizes up to 70")
    func consistency() throws {
        for new in 0...70 {
            let newRoot = NaiveTree.root(Self.leaves[..<new])
            for old in 0...new {
                let oldRoot = NaiveTree.root(Self.leaves[..<old])
                let proof = try #require(Proofs.consistency(from: Int64(old), to: Int64(new)) { Self.node($0, $1) })
                #expect(proof == NaiveTree.consistency(old, Self.leaves[..<new]), "\(old) → \(new)")
                #expect(
                    Proofs.verifyConsistency(
                        from: Int64(old), oldRoot: oldRoot, to: Int64(new), newRoot: newRoot, proof: proof), "\(old) → \(new)")
            }
        }
    }

    @Test("a tampered consistency proof, a swapped root and a shrunken tree are rejected")
    func tamperedConsistency() {
        let other = TreeHash.leaf([1, 2, 3])
        for new in [1, 2, 3, 6, 8, 21, 64, 70] {
            let newRoot = NaiveTree.root(Self.leaves[..<new])
            for old in 0...new {
                let oldRoot = NaiveTree.root(Self.leaves[..<old])
                let proof = NaiveTree.consistency(old, Self.leaves[..<new])
                func verify(_ proof: [Digest], old oldDigest: Digest? = nil, new newDigest: Digest? = nil) -> Bool {
                    Proofs.verifyConsistency(
                        from: Int64(old), oldRoot: oldDigest ?? oldRoot, to: Int64(new), newRoot: newDigest ?? newRoot, proof: proof)
                }
                #expect(verify(proof))
                #expect(!verify(proof, old: other))
                // The empty tree is the beginning of every tree: its proof says nothing of the new root.
                if old > 0 { #expect(!verify(proof, new: other)) }
                #expect(!verify(proof + [other]))
                for place in proof.indices {
                    var changed = proof
                    changed[place] = other
                    #expect(!verify(changed), "\(old) → \(new), \(place)")
                    changed.remove(at: place)
                    #expect(!verify(changed), "\(old) → \(new), \(place)")
                }
                if old < new {
                    #expect(
                        !Proofs.verifyConsistency(
                            from: Int64(new), oldRoot: newRoot, to: Int64(old), newRoot: oldRoot, proof: proof))
                }
            }
        }
    }

    @Test("there is no proof for what is not in the tree")
    func outside() {
        #expect(Proofs.inclusion(index: 5, size: 5) { Self.node($0, $1) } == nil)
        #expect(Proofs.inclusion(index: -1, size: 5) { Self.node($0, $1) } == nil)
        #expect(Proofs.consistency(from: 6, to: 5) { Self.node($0, $1) } == nil)
        #expect(Proofs.consistency(from: -1, to: 5) { Self.node($0, $1) } == nil)
    }

    @Test("an inclusion proof is that of an implementation in another language")
    func pymerkleProof() throws {
        let leaves = TreeTests.referenceLeaves(260)
        let proof = try #require(
            Proofs.inclusion(index: 100, size: 260) { level, index in
                NaiveTree.root(leaves[Int(index) << level..<(Int(index) + 1) << level])
            })
        // pymerkle 7.0.0 puts the leaf's own hash before the path.
        #expect(TreeHash.leaf(leaves[100]).hex == "cb190a934f4947704a07a8219e0a892851c0b6d8d96a0c28b137e1d174dad1d7")
        #expect(
            proof.map(\.hex) == [
                "11fc89968cd95c10a8510fd6929cfbfbc12f8fff89923722f711d0ed50d2123b",
                "2ad7cc7a5fa9b4290ca3c0b6104685cfc3ce26a92426de7ed7bdd5dd55457ec1",
                "21e17702686f365323f69af7b7b56e06e2611ed8b36c8bf3541c100f8c81657a",
                "a58b56183766374cb3d2d26c38309239416ef925fa3726f60d9ae9ea309d604a",
                "d332e85469b636a822797e383bc7911f69f46c92091a9e7e45c5344b19d64203",
                "45fdb354349f08a7125af08f86c6c159f40fe62bf356fe8ac562149cf19408d1",
                "4b3189780ebe7b1a0a266d566431479d25359f09afb371f721ba37ffdfb27a2c",
                "ce2edd6e7484cb5fe4312b9e170d2f40afd6cd25d7267c7a8aa4b50e15b9ec7a",
                "1f7502da88ad7f73b28b484e495d62094cf5a89383f2b81ead412752ac13146f",
            ])
    }
}
