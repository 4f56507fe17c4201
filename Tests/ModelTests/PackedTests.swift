import Model
import SeededRandom
import Testing

@Suite("Packed form")
struct PackedTests {
    private static let ends: [Int64] = [.min, .min + 1, -129, -128, -1, 0, 1, 63, 64, 127, 128, .max - 1, .max]

    @Test("numbers, times and texts come back as they went in, each text written once", arguments: 0..<40 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let numbers = Self.ends + (0..<50).map { _ in random.int64(.min ... .max) }
        let texts = (0..<30).map { _ in random.pick(["", "queue", "ü", "eu-west", String(repeating: "x", count: 300)]) }
        let base = WallTime(microseconds: random.pick(Self.ends))
        var writer = PackedWriter()
        for (index, number) in numbers.enumerated() {
            writer.write(number)
            writer.write(UInt64(bitPattern: number))
            writer.write(WallTime(microseconds: number), after: base)
            writer.write(texts[index % texts.count])
        }
        #expect(writer.bytes.count < numbers.count * 31 + 320, "seed \(seed)")
        var reader = PackedReader(writer.bytes)
        for (index, number) in numbers.enumerated() {
            let signed = try reader.int64(), unsigned = try reader.number(), time = try reader.time(after: base), text = try reader.text()
            #expect(signed == number && unsigned == UInt64(bitPattern: number), "seed \(seed)")
            #expect(time == WallTime(microseconds: number) && text == texts[index % texts.count], "seed \(seed)")
        }
        #expect(reader.isAtEnd)
    }

    @Test("bytes that nobody wrote are an error or values, never a trap, and reserve nothing", arguments: 0..<200 as Range<UInt64>)
    func arbitrary(seed: UInt64) {
        var random = Seeded(seed: seed)
        var reader = PackedReader((0..<random.int(0...60)).map { _ in UInt8(random.pick([0, 1, 0x7F, 0x80, 0xFF, random.int(0...255)])) })
        for _ in 0..<80 {
            do {
                switch random.int(0...3) {
                case 0: _ = try reader.number()
                case 1: _ = try reader.text()
                case 2: #expect(try reader.count() <= 60)
                default: _ = try reader.time(after: WallTime(microseconds: .max))
                }
            } catch { return }
        }
    }

    @Test(
        "a number that is cut short, or longer than any is, is an error",
        arguments: [[], [0x80], [UInt8](repeating: 0xFF, count: 10), [UInt8](repeating: 0x80, count: 11)])
    func malformed(bytes: [UInt8]) {
        #expect(throws: PackedError.self) {
            var reader = PackedReader(bytes)
            _ = try reader.number()
        }
    }
}
