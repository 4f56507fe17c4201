import Model
import SeededRandom
import Testing

@Suite("Quantity")
struct QuantityTests {
    static let texts: [(String, Int64)] = [
        ("180", 180_000), ("-0.25", -250), ("1e3", 1_000_000), ("1.8", 1800), ("0", 0), ("-0", 0), ("0.0005", 1),
        ("-0.0005", -1),
        ("0.0004999", 0), ("1E-3", 1), ("1.5e-3", 2), ("1e-400", 0), ("1e300", .max), ("-1e300", .min), ("+5", 5000),
        ("9223372036854775.807", .max), ("9223372036854775.808", .max), ("-9223372036854775.808", .min),
        ("9007199254740.993", 9_007_199_254_740_993),
        ("123456789012345.678", 123_456_789_012_345_678), ("0.00049999999999999999999999999999999999999999", 0),
        ("1000000000000000000000000000000000000000000e-39", 1_000_000),
    ]

    @Test("decimal text is read exactly to the thousandth", arguments: Self.texts)
    func reads(text: String, milli: Int64) {
        #expect(Quantity(text: text)?.milli == milli)
    }

    @Test(
        "text that is no decimal number is refused",
        arguments: ["", "nan", "inf", "-Infinity", "0x10", "1,5", " 1", "1 ", "1e", "--1", "1e999", "٣"])
    func refuses(text: String) {
        #expect(Quantity(text: text) == nil)
    }

    @Test("every quantity survives its text and its JSON", arguments: 0..<500 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let extremes: [Int64] = [.min, .max, 0, 1, -1, 999, -999, 9_007_199_254_740_993]
        let milli =
            random.chance(10) ? random.pick(extremes) : Int64(truncatingIfNeeded: random.next()) >> random.int64(0...62)
        let quantity = Quantity(milli: milli)
        #expect(Quantity(text: quantity.description) == quantity, "seed \(seed)")
        #expect(try Quantity(json: JSON(parsing: quantity.json.canonical())) == quantity, "seed \(seed)")
    }

    @Test("descriptions are plain decimals without trailing zeros")
    func descriptions() {
        #expect(Quantity(milli: 1800).description == "1.8")
        #expect(Quantity(milli: -50).description == "-0.05")
        #expect(Quantity(180).description == "180")
        #expect(Quantity(milli: .min).description == "-9223372036854775.808")
    }

    @Test("JSON numbers and decimal strings are read, others refused")
    func json() throws {
        #expect(try Quantity(json: 42) == Quantity(42))
        #expect(try Quantity(json: .int(.max)) == Quantity(milli: .max))
        #expect(try Quantity(json: .int(9_007_199_254_740)) == Quantity(milli: 9_007_199_254_740_000))
        #expect(try Quantity(json: .double(0.25)) == Quantity(milli: 250))
        #expect(throws: JSONError.self) { try Quantity(json: "many") }
        #expect(throws: JSONError.self) { try Quantity(json: .double(.nan)) }
        #expect(throws: JSONError.self) { try Quantity(json: true) }
    }

    @Test("doubles round to the nearest thousandth and saturate")
    func doubles() {
        #expect(Quantity(0.0005)?.milli == 1)
        #expect(Quantity(-2.5e-4)?.milli == 0)
        #expect(Quantity(Double.greatestFiniteMagnitude)?.milli == .max)
        #expect(Quantity(-Double.greatestFiniteMagnitude)?.milli == .min)
        #expect(Quantity(Double.nan) == nil)
        #expect(Quantity(Double.infinity) == nil)
    }

    @Test("integer arithmetic saturates at both ends")
    func saturation() {
        #expect(Int64.max.multipliedSaturating(by: 2) == .max)
        #expect(Int64.max.multipliedSaturating(by: -2) == .min)
        #expect(Int64.min.multipliedSaturating(by: -1) == .max)
        #expect(Int64.max.addingSaturating(1) == .max)
        #expect(Int64.min.addingSaturating(-1) == .min)
        #expect(Quantity(Int.max).milli == .max)
    }
}
