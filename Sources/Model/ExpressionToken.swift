/// A word, number or symbol of an expression's text.
struct ExpressionToken {
    enum Kind: Equatable {
        case number(Quantity)
        /// `5m`, which stands in `change` alone; `unit` is the offset of its first letter.
        case duration(Duration, text: String, unit: Int)
        /// A word of the language or, when it is none, a metric's name.
        case word(String)
        /// A metric's name in backticks or quotes.
        case quoted(String)
        case symbol(String)
        case end
    }
    var kind: Kind
    var offset: Int

    /// As a message names it.
    var text: String {
        switch self.kind {
        case .number(let number): "“\(number)”"
        case .duration(_, let text, _): "“\(text)”"
        case .word(let word), .quoted(let word), .symbol(let word): "“\(word)”"
        case .end: "the end"
        }
    }

    static let keywords: Set<String> = ["and", "or", "not"]
    /// Two characters before one, so that `<=` is not `<`.
    private static let symbols = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ","]

    static func all(in text: String) throws(ExpressionError) -> [ExpressionToken] {
        let bytes = Array(text.utf8)
        var tokens: [ExpressionToken] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let start = index
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."):
                if let duration = Self.duration(bytes, &index) {
                    tokens.append(ExpressionToken(kind: duration, offset: start))
                } else {
                    tokens.append(ExpressionToken(kind: .number(try Self.number(bytes, &index)), offset: start))
                }
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                while index < bytes.count, Self.isNameByte(bytes[index]) { index += 1 }
                tokens.append(ExpressionToken(kind: .word(String(decoding: bytes[start..<index], as: UTF8.self)), offset: start))
            case UInt8(ascii: "`"), UInt8(ascii: "\""):
                tokens.append(ExpressionToken(kind: .quoted(try Self.quotedName(bytes, &index)), offset: start))
            default:
                guard let symbol = Self.symbols.first(where: { bytes[index...].starts(with: $0.utf8) }) else {
                    throw Self.unexpected(text, at: index)
                }
                index += symbol.utf8.count
                tokens.append(ExpressionToken(kind: .symbol(symbol), offset: start))
            }
        }
        tokens.append(ExpressionToken(kind: .end, offset: bytes.count))
        return tokens
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    private static func unexpected(_ text: String, at offset: Int) -> ExpressionError {
        let character = String(decoding: Array(text.utf8)[offset...], as: UTF8.self).first.map(String.init) ?? ""
        let hint =
            switch character {
            case "=": "; equality is “==”"
            case "&": "; write “and”"
            case "|": "; write “or”"
            case "!": "; write “not”"
            case "%": "; write the number alone"
            case _ where character.first?.isUppercase == true: "; names are in lower case"
            default: ""
            }
        return ExpressionError(message: "unexpected character “\(character)”\(hint)", offset: offset)
    }

    /// nil when it is something else; then `index` stays where it is.
    private static func duration(_ bytes: [UInt8], _ index: inout Int) -> Kind? {
        let start = index
        let end = bytes[start...].firstIndex { !Self.isNameByte($0) } ?? bytes.count
        let text = String(decoding: bytes[start..<end], as: UTF8.self)
        guard let unit = bytes[start..<end].firstIndex(where: { $0 > UInt8(ascii: "9") }), let duration = Duration(text: text) else { return nil }
        index = end
        return .duration(duration, text: text, unit: unit)
    }

    static func runsIntoLetter(_ digits: String, at offset: Int) -> ExpressionError {
        ExpressionError(message: "“\(digits)” runs into a letter; units and exponents are not part of a number", offset: offset)
    }

    private static func number(_ bytes: [UInt8], _ index: inout Int) throws(ExpressionError) -> Quantity {
        let start = index
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) || bytes[index] == UInt8(ascii: ".") {
            index += 1
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if index < bytes.count, Self.isNameByte(bytes[index]) {
            throw Self.runsIntoLetter(text, at: index)
        }
        let sides = text.split(separator: ".", omittingEmptySubsequences: false)
        // 15 digits before the point stay within a quantity's range.
        guard sides.count <= 2, (1...15).contains(sides[0].count), sides.count == 1 || !sides[1].isEmpty, let value = Quantity(text: text) else {
            throw ExpressionError(message: "“\(text.prefix(40))” is not a number such as 25 or 0.5", offset: start)
        }
        guard sides.count == 1 || sides[1].count <= 3 else {
            throw ExpressionError(message: "“\(text.prefix(40))” is finer than a thousandth; round it to three decimals", offset: start)
        }
        return value
    }

    private static func quotedName(_ bytes: [UInt8], _ index: inout Int) throws(ExpressionError) -> String {
        let start = index
        guard let end = bytes[(start + 1)...].firstIndex(of: bytes[start]) else {
            throw ExpressionError(message: "the quoted name has no closing “\(Character(Unicode.Scalar(bytes[start])))”", offset: start)
        }
        let name = String(decoding: bytes[start + 1..<end], as: UTF8.self)
        if let objection = ManifestName.objection(to: name) { throw ExpressionError(message: objection, offset: start) }
        index = end + 1
        return name
    }
}
