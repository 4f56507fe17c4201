import Model
import SeededRandom
import Testing

@Suite("JSON")
struct JSONTests {
    /// RFC 8785, appendix B, the finite samples: bits of the double and the text it must have.
    static let numbers: [(UInt64, String)] = [
        (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"), (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
        (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
        (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"),
        (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"), (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
        (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
        (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
        (0x41B3_DE43_5555_5553, "333333333.3333332"), (0x41B3_DE43_5555_5554, "333333333.33333325"),
        (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
        (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
        (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
    ]

    @Test("numbers have the text that RFC 8785 gives them", arguments: Self.numbers)
    func canonicalNumber(bits: UInt64, text: String) {
        #expect(JSON.double(Double(bitPattern: bits)).text == text)
    }

    @Test("a number that is not finite has no JSON form and becomes null")
    func nonFinite() {
        #expect(JSON.double(.nan).text == "null")
        #expect(JSON.double(-.infinity).text == "null")
    }

    @Test("the example of RFC 8785 section 3.2.2 comes out in its canonical form")
    func canonicalExample() throws {
        let text = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        let expected =
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
            + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        #expect(try JSON(parsing: text).text == expected)
    }

    @Test("keys are ordered by UTF-16 code units, as in RFC 8785 section 3.2.3")
    func keyOrder() throws {
        let text =
            #"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","#
            + #""\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#
        let canonical = try JSON(parsing: text).text
        let names = [
            "Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign",
            "Emoji: Grinning Face",
        ]
        var rest = Substring(canonical)
        for name in names + ["Hebrew Letter Dalet With Dagesh"] {
            let range = try #require(Self.range(of: name, in: rest), "\(name) is not where it belongs in \(canonical)")
            rest = rest[range.upperBound...]
        }
    }

    private static func range(of needle: String, in text: Substring) -> Range<Substring.Index>? {
        text.indices.lazy.filter { text[$0...].hasPrefix(needle) }.first.map {
            $0..<text.index($0, offsetBy: needle.count)
        }
    }

    static let refused: [(String, String)] = [
        ("", "ends too early"), ("{", "quotes"), ("[1,]", "is not JSON"), ("{\"a\":1,}", "quotes"),
        ("01", "leading zero"), ("-", "digit"),
        ("1.", "digit"), ("1e", "digit"), ("+1", "is not JSON"), ("nul", "is not JSON"), ("1 2", "after its end"),
        ("\"a", "inside a string"),
        ("\"\\x\"", "unknown escape"), ("\"\\ud800\"", "lone surrogate"), ("\"\\udc00\"", "lone surrogate"),
        ("\"\\ud800\\u0041\"", "lone surrogate"),
        ("\"\\u00g0\"", "hexadecimal"), ("\"\u{1}\"", "control character"), ("{\"a\":1,\"a\":2}", "twice"),
        ("{\"a\" 1}", "expected “:”"),
        ("[1 2]", "expected"), ("1e999", "out of range"), ("// x", "is not JSON"), ("'a'", "is not JSON"),
        ("NaN", "is not JSON"),
    ]

    @Test("text that is not strict JSON is refused with the place", arguments: Self.refused)
    func refuses(text: String, words: String) {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
        #expect(error?.offset != nil)
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xC3, 0x28, 0x22]) }
    }

    @Test("nesting ends at its limit and not before")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSON(parsing: nested(JSON.maximumDepth))
        #expect(throws: JSONError.self) { try JSON(parsing: nested(JSON.maximumDepth + 1)) }
        #expect(throws: JSONError.self) { try JSON(parsing: nested(100_000)) }
    }

    @Test("canonical text reads back as the same value and writes the same bytes", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let value = Self.randomValue(&random, depth: 4)
        let bytes = value.canonical()
        let back = try JSON(parsing: bytes)
        #expect(back.canonical() == bytes, "seed \(seed)")
    }

    @Test("no mutation of a document traps the parser", arguments: 0..<200 as Range<UInt64>)
    func mutations(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        var bytes = Self.randomValue(&random, depth: 4).canonical()
        for _ in 0..<random.int(1...4) where !bytes.isEmpty {
            let index = random.int(0...bytes.count - 1)
            switch random.int(0...2) {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes.remove(at: index)
            default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: index)
            }
        }
        guard let value = try? JSON(parsing: bytes) else { return }
        let canonical = value.canonical()
        #expect(try JSON(parsing: canonical).canonical() == canonical, "seed \(seed)")
    }

    private static func randomValue(_ random: inout Seeded, depth: Int) -> JSON {
        switch random.int(0...(depth > 0 ? 7 : 5)) {
        case 0: return .null
        case 1: return .bool(random.chance(50))
        case 2: return .int(Int64(truncatingIfNeeded: random.next()))
        case 3:
            let value = Double(bitPattern: random.next())
            return value.isFinite ? .double(value) : .double(0.5)
        case 4, 5:
            let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "\n", "\u{0}", "\u{1F}", "€", "😀", "\u{2028}", "\u{7F}"]
            return .string(String(String.UnicodeScalarView((0..<random.int(0...6)).map { _ in random.pick(scalars) })))
        case 6: return .array((0..<random.int(0...4)).map { _ in Self.randomValue(&random, depth: depth - 1) })
        default:
            let fields = (0..<random.int(0...4)).map { ("k\($0)", Self.randomValue(&random, depth: depth - 1)) }
            return .object(Dictionary(fields, uniquingKeysWith: { first, _ in first }))
        }
    }

    struct Point: JSONDecodable {
        init(json: JSON) throws(JSONError) { _ = try json.int("x") }
    }

    @Test("an error inside lists and objects points at the faulty value")
    func pointers() throws {
        let json = try JSON(parsing: #"{"a/b":[{"x":1},{"x":"1"}],"c":{"x":true},"n":"1","s":1}"#)
        #expect(throws: JSONError(pointer: "/c/x", message: "is not an integer")) {
            try json.decode("c", as: Point.self)
        }
        #expect(throws: JSONError(pointer: "/a~1b/1/x", message: "is not an integer")) {
            try json.list("a/b", of: Point.self)
        }
        #expect(throws: JSONError(pointer: "/n", message: "is not an integer")) { try json.intIfPresent("n") }
        #expect(throws: JSONError(pointer: "/s", message: "is not a string")) { try json.stringIfPresent("s") }
        #expect(throws: JSONError(pointer: "/z", message: "is missing")) { try json.string("z") }
        #expect(try json.decodeIfPresent("z", as: Point.self) == nil)
        #expect(throws: JSONError(message: "is not an object")) { try JSON.int(1).required("x") }
    }
}
