@testable import Ledger
import Model
import SeededRandom
import Testing

@Suite struct CanonicalReaderTests {
    static func accepts(_ bytes: [UInt8]) -> Bool {
        var reader = CanonicalReader(bytes)
        do throws(LeafFault) {
            try reader.value(depth: 0)
            try reader.end()
            return true
        } catch {
            return false
        }
    }

    /// The rule that the reader implements in one pass, word by word.
    static func isCanonical(_ bytes: [UInt8]) -> Bool {
        guard let value = try? JSON(parsing: bytes) else { return false }
        return value.canonical() == bytes && LeafText.exact(value) == value
    }

    @Test("it accepts exactly what parsing and writing again gives back", arguments: [41, 42, 43] as [UInt64])
    func agreesWithParser(seed: UInt64) {
        var generator = Seeded(seed: seed)
        let noise = Array("{}[]\",:\\/-+.eE0123456789truefalsn u00\u{1}\u{7F}é\u{FB33}\u{1F600}".utf8) + [0xC0, 0xED, 0xA0, 0xF5, 0xFF]
        var accepted = 0
        for round in 0..<700 {
            var bytes = LeafText.exact(LeafLimitTests.document(&generator, depth: 5)).canonical()
            #expect(Self.accepts(bytes), "seed \(seed), round \(round)")
            for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = noise[Int.random(in: noise.indices, using: &generator)]
                case 1: bytes.insert(noise[Int.random(in: noise.indices, using: &generator)], at: index)
                default: bytes.remove(at: index)
                }
            }
            let expected = Self.isCanonical(bytes)
            accepted += expected ? 1 : 0
            #expect(Self.accepts(bytes) == expected, "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))")
        }
        // Otherwise the comparison would have seen one side only.
        #expect((100...650).contains(accepted), "seed \(seed)")
    }

    @Test(
        "texts that are not canonical are refused",
        arguments: [
            "", " 1", "1 ", "01", "-0", "-", "+1", "1.0", "1e2", "9007199254740992", "-9007199254740992", "tru", "nul", "NaN", "'a'",
            "[1,]", "[1 ,2]", "{\"a\":1,}", "{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":1}", "{a:1}", "\"\\u0041\"", "\"\\u001F\"", "\"\\u000a\"", "\"\\u007f\"",
            "\"\\/\"", "\"\\ud83d\\ude00\"", "\"\u{1}\"", "\"a", "{\"a\":1", "[1", "1,2", "{\"\u{FB33}\":1,\"\u{1F600}\":2}",
        ])
    func refused(text: String) {
        #expect(!Self.accepts(Array(text.utf8)))
    }

    @Test(
        "texts that are canonical are accepted",
        arguments: [
            "0", "-1", "9007199254740991", "-9007199254740991", "true", "false", "null", "\"\"", "\"\\u001f\\n\\\"\\\\\u{7F}/é\"", "[]", "{}",
            "[1,[2],{}]", "{\"\":0,\"a\":1,\"aa\":2,\"b\":3}", "{\"\u{1F600}\":2,\"\u{FB33}\":1}", "{\"\\n\":1,\"\\r\":2,\"\\u0010\":3,\"a\":4}",
        ])
    func accepted(text: String) {
        #expect(Self.accepts(Array(text.utf8)))
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        let bad: [[UInt8]] = [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xE2, 0x28, 0xA1], [0xF0, 0x9F, 0x98],
        ]
        for bytes in bad {
            #expect(!Self.accepts([0x22] + bytes + [0x22]), "\(bytes)")
            #expect(!Self.accepts([0x22] + bytes), "\(bytes)")
        }
    }

    @Test("a text nested without end is refused, not followed")
    func depth() {
        #expect(Self.accepts([UInt8](repeating: 0x5B, count: 32) + [UInt8](repeating: 0x5D, count: 32)))
        #expect(!Self.accepts([UInt8](repeating: 0x5B, count: 33) + [UInt8](repeating: 0x5D, count: 33)))
        #expect(!Self.accepts([UInt8](repeating: 0x5B, count: 60_000)))
    }

    @Test("the memory of what was seen forgets the oldest first")
    func recentSet() {
        var set = RecentSet<Int>(capacity: 3)
        for element in 1...3 { #expect(set.insert(element) == true) }
        #expect(set.insert(1) == false)
        #expect(set.insert(4) == true)
        #expect(!set.contains(1))
        #expect(set.insert(5) == true)
        #expect([2, 3, 4, 5].map { set.contains($0) } == [false, true, true, true])
    }
}
