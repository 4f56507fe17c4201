import Manifests
import Model
import Testing

@Suite("Damaged documents")
struct MutationTests {
    private static let fragments = [
        "", " ", "\n", "\t", ":", "-", "- ", "? ", "[", "]", "{", "}", ",", "\"", "'", "#", "&a ", "*a ", "*a", "!", "!!int ", "|", ">", "%", "@", "`", "---\n",
        "...\n",
        "<<: ", "~", "null", "é", "🚀", "\u{0}", "\u{FEFF}", "\r", "\u{85}", "\u{2028}", "\u{E000}", "1e999", "-1", "0x1", "\\ud800", "\\", "kind: ", "name: ",
        "rules: ",
    ]

    @Test("random damage never traps, and whatever is read survives its round trips", arguments: 0..<60)
    func mutations(seed: UInt64) throws {
        var generator = ManifestGenerator(seed: seed)
        let documents = (Samples.media + "---\n" + Samples.terms).split(separator: "---\n").map(String.init)
        let json = (Samples.parse(Samples.media).manifests + Samples.parse(Samples.terms).manifests).map(\.text)
        for round in 0..<15 {
            var text = Array((generator.chance(80) ? generator.pick(documents) : generator.pick(json)).unicodeScalars)
            for _ in 0..<generator.int(1...4) where !text.isEmpty {
                let start = generator.int(0...text.count - 1)
                let end = min(text.count, start + generator.int(0...(generator.chance(20) ? 40 : 3)))
                let replacement =
                    generator.chance(70)
                    ? Array(generator.pick(Self.fragments).unicodeScalars) : Array(text[min(start, end)..<end] + text[min(start, end)..<end])
                text.replaceSubrange(start..<end, with: replacement)
            }
            let damaged = String(String.UnicodeScalarView(text))
            let parsed = Samples.parse(damaged)
            let lines = damaged.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
            for finding in parsed.findings {
                let position = try #require(finding.position)
                #expect(position.column >= 1 && (1...lines + 1).contains(position.line), "seed \(seed) round \(round): \(finding)\n\(damaged)")
                #expect(!finding.message.isEmpty)
            }
            for manifest in parsed.manifests {
                #expect(try Manifest(canonical: manifest.canonical) == manifest.manifest, "seed \(seed) round \(round):\n\(damaged)")
                let exported = Export.yaml([manifest.manifest])
                #expect(Samples.single(exported) == manifest.manifest, "seed \(seed) round \(round):\n\(exported)")
            }
            _ = Lint.check(parsed, stored: [])
        }
    }
}
