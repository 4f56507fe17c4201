/// One document's text inside a file, and how many lines stand before it.
struct DocumentText {
    var text: String
    var linesBefore: Int
}

/// A file's text before the YAML parser sees it: byte order mark, forbidden characters, separation into documents.
///
/// Documents are separated here, so that a slip in one does not hide the findings in the next. A line that starts with `---` ends whatever
/// came before it, in every YAML context.
enum SourceText {
    /// - Returns: the documents, or the one finding that keeps the file from being read.
    static func documents(in file: SourceFile) -> (documents: [DocumentText], refusal: ManifestFinding?) {
        guard file.text.utf8.count <= ManifestLimits.fileBytes else {
            let message = "the file has \(file.text.utf8.count) bytes, more than the \(ManifestLimits.fileBytes) allowed; split it"
            return ([], ManifestFinding(file: file.name, position: SourcePosition(line: 1, column: 1), code: .tooLarge, message: message))
        }
        var text = file.text
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        if let bad = Self.forbiddenCharacter(in: text) {
            let message = "the character \(bad.name) is not allowed in a manifest; remove it"
            return ([], ManifestFinding(file: file.name, position: bad.position, code: .syntax, message: message))
        }
        if Self.looksLikeJSON(text) { return ([DocumentText(text: Self.joiningSurrogates(text), linesBefore: 0)], nil) }
        let documents = Self.split(text)
        guard documents.count <= ManifestLimits.documents + 1 else {
            let position = SourcePosition(line: documents[ManifestLimits.documents].linesBefore + 1, column: 1)
            let message = "the file has more than \(ManifestLimits.documents) documents; apply them in parts"
            return ([], ManifestFinding(file: file.name, position: position, code: .tooLarge, message: message))
        }
        return (documents, nil)
    }

    /// JSON is YAML, but for surrogate pairs and for several values in one text.
    static func looksLikeJSON(_ text: String) -> Bool {
        let first = text.utf8.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    /// What YAML calls printable, but for the byte order mark, which is invisible and which readers drop.
    static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    /// `U+FEFF`
    static func name(of scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func forbiddenCharacter(in text: String) -> (name: String, position: SourcePosition)? {
        var position = SourcePosition(line: 1, column: 1)
        var afterReturn = false
        for scalar in text.unicodeScalars {
            guard Self.isAllowed(scalar) else {
                return (Self.name(of: scalar), position)
            }
            switch scalar {
            case "\n" where afterReturn: break
            case "\n", "\r": position = SourcePosition(line: position.line + 1, column: 1)
            default: position.column += 1
            }
            afterReturn = scalar == "\r"
        }
        return nil
    }

    private static func split(_ text: String) -> [DocumentText] {
        let bytes = Array(text.utf8)
        var documents: [DocumentText] = []
        var start = 0
        var startLine = 0
        var line = 0
        var position = 0
        // Directives belong to the `---` that follows them.
        var onlyPreamble = true
        while position < bytes.count {
            let end = Self.endOfLine(bytes, from: position)
            if Self.isSeparator(bytes[position..<end]) {
                if !onlyPreamble || documents.count > 0 {
                    documents.append(DocumentText(text: String(decoding: bytes[start..<position], as: UTF8.self), linesBefore: startLine))
                    start = position
                    startLine = line
                }
                onlyPreamble = false
            } else if onlyPreamble {
                let first = bytes[position..<end].first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
                onlyPreamble = first == nil || first == UInt8(ascii: "#") || bytes[position] == UInt8(ascii: "%")
            }
            position = end
            line += 1
        }
        documents.append(DocumentText(text: String(decoding: bytes[start...], as: UTF8.self), linesBefore: startLine))
        return documents
    }

    /// Behind the line's break, or the end of the text.
    private static func endOfLine(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            if bytes[index] == 0x0A { return index + 1 }
            if bytes[index] == 0x0D { return index + 1 < bytes.count && bytes[index + 1] == 0x0A ? index + 2 : index + 1 }
            index += 1
        }
        return index
    }

    private static func isSeparator(_ line: ArraySlice<UInt8>) -> Bool {
        guard line.count >= 3, line.prefix(3).allSatisfy({ $0 == UInt8(ascii: "-") }) else { return false }
        guard let next = line.dropFirst(3).first else { return true }
        return next == 0x20 || next == 0x09 || next == 0x0A || next == 0x0D
    }

    /// JSON writes characters beyond U+FFFF as two escapes, `\ud83d\ude00`; YAML knows only `\U0001F600`.
    private static func joiningSurrogates(_ text: String) -> String {
        guard text.contains("\\u") else { return text }
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), let high = Self.escape(bytes, at: index), (0xD800..<0xDC00).contains(high),
                let low = Self.escape(bytes, at: index + 6), (0xDC00..<0xE000).contains(low)
            {
                let digits = String(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00), radix: 16)
                out.append(contentsOf: ("\\U" + String(repeating: "0", count: 8 - digits.count) + digits).utf8)
                index += 12
            } else if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count {
                out.append(contentsOf: bytes[index...index + 1])
                index += 2
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The code unit of `\uXXXX` at `index`.
    private static func escape(_ bytes: [UInt8], at index: Int) -> UInt32? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else { return nil }
        let digits = bytes[index + 2..<index + 6]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
