import Model
import Testing

@Suite("Expressions")
struct ExpressionTests {
    private func tree(_ text: String) throws -> Expression { try Expression(parsing: text) }

    @Test("operators bind from or, and, not, comparison, + -, * / to the sign")
    func precedence() throws {
        let queue = Expression.metric("queue")
        #expect(try self.tree("queue > 100") == .comparison(.greater, queue, .number(Quantity(100))))
        #expect(
            try self.tree("a > 1 or b > 2 and not c > 3")
                == .or(
                    .comparison(.greater, .metric("a"), .number(Quantity(1))),
                    .and(
                        .comparison(.greater, .metric("b"), .number(Quantity(2))),
                        .not(.comparison(.greater, .metric("c"), .number(Quantity(3)))))))
        #expect(
            try self.tree("1 + 2 * -queue")
                == .arithmetic(.add, .number(Quantity(1)), .arithmetic(.multiply, .number(Quantity(2)), .negate(queue))))
        #expect(try self.tree("queue-5") == .arithmetic(.subtract, queue, .number(Quantity(5))))
        #expect(try self.tree("8 - 4 - 2") == .arithmetic(.subtract, .arithmetic(.subtract, .number(Quantity(8)), .number(Quantity(4))), .number(Quantity(2))))
        #expect(try self.tree("(1 + 2) * 3") == .arithmetic(.multiply, .arithmetic(.add, .number(Quantity(1)), .number(Quantity(2))), .number(Quantity(3))))
        #expect(try self.tree("max(queue, 0.5)") == .call(.max, [queue, .number(Quantity(milli: 500))]))
    }

    @Test("names with a minus, a leading digit or a word of the language stand in quotes")
    func quotedNames() throws {
        let expected = Expression.comparison(.greater, .metric("queue-depth"), .number(Quantity(5)))
        #expect(try self.tree("`queue-depth` > 5") == expected)
        #expect(try self.tree("\"queue-depth\" > 5") == expected)
        #expect(expected.text == "`queue-depth` > 5")
        #expect(try self.tree("`max` > 5").metrics == ["max"])
        #expect(try self.tree("`and` > `2xx`").text == "`and` > `2xx`")
    }

    @Test("a change is a metric's, over a duration")
    func change() throws {
        let expected = Expression.comparison(.greater, .change(metric: "queue", over: .seconds(300)), .number(Quantity(50)))
        #expect(try self.tree("change(queue, 5m) > 50") == expected)
        #expect(try self.tree("change( queue ,\t300s )>50") == expected)
        #expect(expected.text == "change(queue, 5m) > 50")
        #expect(try self.tree("change(`queue-depth`, 1m30s) < -20").text == "change(`queue-depth`, 1m30s) < -20")
        #expect(try self.tree("`change` > 5").text == "`change` > 5")
        #expect(try self.tree("change(a, 1d) > 1 or abs(change(b, 1s)) > a").metrics == ["a", "b"])
        let lookback = try self.tree("not (change(a, 5m) > 1) and max(change(a, 10m), -change(b, 1m)) > 2 * change(a, 1m) + c").lookback
        #expect(lookback == ["a": .seconds(600), "b": .seconds(60)])
    }

    @Test(
        "mistakes name their place",
        arguments: [
            ("", 0, "empty"), ("queue >", 7, "is expected here"), ("queue > 5 6", 10, "not expected here"), ("queue = 5", 6, "equality is “==”"),
            ("a > 1 && b > 2", 6, "write “and”"), ("a > 1 || b > 2", 6, "write “or”"), ("Queue > 1", 0, "lower case"), ("a > 5%", 5, "alone"),
            ("1 < 2 < 3", 6, "can't be chained"), ("a and b > 1", 0, "joins conditions"), ("not a", 4, "joins conditions"),
            ("(a > 1) + 2", 0, "works on numbers"), ("-(a > 1)", 1, "works on numbers"),
            ("change(a, 5) > 1", 10, "a duration from 1s to 1d is expected here, not “5”"), ("change(a, 2d) > 1", 10, "from 1s to 1d"),
            ("change(a, 500ms) > 1", 10, "from 1s to 1d"), ("change(a) > 1", 7, "the name of a metric and a duration"),
            ("change() > 1", 7, "the name of a metric"),
            ("change(max(a), 5m) > 1", 7, "the name of a metric"), ("change(5m, a) > 1", 7, "the name of a metric"),
            ("change(a, 5m, b) > 1", 12, "“)” is expected"),
            ("change(a., 5m) > 1", 7, "letter or digit at both ends"), ("change > 1", 0, "needs its arguments"),
            ("changes(a, 5m) > 1", 0, "known are min, max"),
            ("a > -5m", 6, "runs into a letter"), ("a > 1e3", 5, "runs into a letter"), ("a > 1.5m", 7, "runs into a letter"),
            ("med(a) > 1", 0, "no function “med”"), ("abs(a, b) > 1", 0, "one argument"), ("max() > 1", 0, "at least one"),
            ("max > 1", 0, "needs its arguments"),
            ("(a > 1", 6, "“)” is expected"), ("`a > 1", 0, "no closing"), ("1.2345 > a", 0, "finer than a thousandth"), ("1. > a", 0, "not a number"),
            ("5m > a", 1, "runs into a letter"), ("a > 1 and", 9, "is expected here"), ("a / 0 > 1", 4, "divides by zero"), ("ü > 1", 0, "unexpected"),
            ("`A` > 1", 0, "lower-case"), ("a. > 1", 0, "letter or digit at both ends"), ("9999999999999999 > a", 0, "not a number"),
        ])
    func mistakes(_ text: String, _ offset: Int, _ words: String) {
        let error = #expect(throws: ExpressionError.self) { try Expression(parsing: text) }
        #expect(error?.offset == offset)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("length, nesting and chains are bounded")
    func limits() throws {
        let depth = Expression.maximumDepth
        #expect(throws: ExpressionError.self) { try Expression(parsing: String(repeating: "(", count: depth + 1) + "a") }
        #expect(throws: ExpressionError.self) { try Expression(parsing: Array(repeating: "a", count: depth + 1).joined(separator: " + ") + " > 1") }
        #expect(throws: ExpressionError.self) { try Expression(parsing: String(repeating: "not ", count: depth) + "a > 1") }
        #expect(throws: ExpressionError.self) { try Expression(parsing: String(repeating: "-", count: depth) + "a > 1") }
        #expect(throws: ExpressionError.self) { try Expression(parsing: String(repeating: "change(", count: 250) + "a") }
        #expect(throws: ExpressionError.self) { try Expression(parsing: String(repeating: "max(", count: 500) + "a") }
        #expect(throws: ExpressionError.self) { try Expression(parsing: "change(a, " + String(repeating: "9", count: 1000) + "s) > 1") }
        #expect(throws: ExpressionError.self) { try Expression(parsing: "a > " + String(repeating: "1", count: Expression.maximumLength)) }
        let longest = Array(repeating: "a > 1", count: depth - 1).joined(separator: " or ")
        #expect(try Expression(parsing: longest).isCondition)
    }

    @Test("an expression's text reads back to an equal tree", arguments: 0..<200)
    func roundTrip(seed: UInt64) throws {
        var generator = ManifestGenerator(seed: seed)
        generator.usesChange = true
        let expression = generator.condition(["queue", "eu-west", "and", "1x", "a.b_c", "ceil", "change"], depth: 6)
        #expect(try Expression(parsing: expression.text) == expression, "seed \(seed): \(expression.text)")
    }

    @Test("random bytes never trap the parser", arguments: 0..<50)
    func bytes(seed: UInt64) {
        var generator = ManifestGenerator(seed: seed)
        for _ in 0..<200 {
            let text = String(decoding: (0..<generator.int(0...40)).map { _ in UInt8(generator.int(0...255)) }, as: UTF8.self)
            do throws(ExpressionError) {
                _ = try Expression(parsing: text)
            } catch {
                #expect((0...text.utf8.count).contains(error.offset), "seed \(seed): \(text)")
            }
        }
    }

    @Test("random text never traps the parser", arguments: 0..<50)
    func fuzz(seed: UInt64) throws {
        var generator = ManifestGenerator(seed: seed)
        let pieces = [
            "a", "(", ")", "and ", "or ", "not ", " > ", "-", "+", "*", "/", "1.5", "`x-y`", "\"", "max", ",", "==", " ", "é", ".", "change(", "5m", "1h", "9d",
        ]
        for _ in 0..<200 {
            let text = (0..<generator.int(0...12)).map { _ in generator.pick(pieces) }.joined()
            do throws(ExpressionError) {
                let expression = try Expression(parsing: text)
                #expect(try Expression(parsing: expression.text) == expression, "seed \(seed): \(text)")
            } catch {
                #expect((0...text.utf8.count).contains(error.offset), "seed \(seed): \(text)")
            }
        }
    }
}
