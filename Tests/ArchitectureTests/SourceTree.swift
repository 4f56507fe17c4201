import Foundation
import Testing

/// The package's source files, read as text.
struct SourceTree: Sendable {
    struct File: Sendable {
        var target: String
        /// From the package's root.
        var path: String
        var lines: [Substring]
        /// The same lines without comments and literals.
        var code: [String]
    }

    /// The names of the folders in `Sources`.
    let targets: [String]
    let files: [File]

    /// This file is three folders below the package's root.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Read once for all tests.
    static let whole = Result { try SourceTree() }

    private init() throws {
        let sources = Self.root.appending(path: "Sources")
        let manager = FileManager.default
        self.targets = try manager.contentsOfDirectory(atPath: sources.path()).filter { !$0.hasPrefix(".") }.sorted()
        var files: [File] = []
        for target in self.targets {
            // A folder may be a link; enumerating needs what it leads to.
            let folder = sources.appending(path: target).resolvingSymlinksInPath()
            let names = try manager.subpathsOfDirectory(atPath: folder.path()).filter { $0.hasSuffix(".swift") }.sorted()
            for name in names {
                let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
                files.append(
                    File(
                        target: target, path: "Sources/\(target)/\(name)", lines: text.split(separator: "\n", omittingEmptySubsequences: false),
                        code: codeLines(text)))
            }
        }
        self.files = files
    }
}

/// Swift source without its comments and without what stands in its string literals, line by line.
///
/// Not a compiler's lexer: an expression inside a literal, `"\(…)"`, counts as part of the literal, and regex literals are not known.
func codeLines(_ source: String) -> [String] {
    // Bytes, not characters: the whole package is read, and every delimiter is ASCII.
    let bytes = Array(source.utf8)
    let quote = UInt8(ascii: "\"")
    let hash = UInt8(ascii: "#")
    var lines: [[UInt8]] = [[]]
    var index = 0
    var commentDepth = 0
    /// The quotes and hashes that end the present literal.
    var literal: (quotes: Int, hashes: Int)?

    func run(of byte: UInt8, at start: Int) -> Int { bytes[min(start, bytes.count)...].prefix { $0 == byte }.count }
    func isPair(_ first: Unicode.Scalar, _ second: Unicode.Scalar, at start: Int) -> Bool {
        bytes[start] == UInt8(ascii: first) && start + 1 < bytes.count && bytes[start + 1] == UInt8(ascii: second)
    }
    while index < bytes.count {
        let byte = bytes[index]
        if byte == UInt8(ascii: "\n") {
            lines.append([])
            index += 1
        } else if commentDepth > 0 {
            if isPair("/", "*", at: index) { commentDepth += 1 } else if isPair("*", "/", at: index) { commentDepth -= 1 } else { index -= 1 }
            index += 2
        } else if let (quotes, hashes) = literal {
            if run(of: quote, at: index) >= quotes, run(of: hash, at: index + quotes) >= hashes {
                literal = nil
                index += quotes + hashes
            } else {
                // In a raw literal a backslash escapes nothing.
                let escapes = byte == UInt8(ascii: "\\") && hashes == 0 && index + 1 < bytes.count && bytes[index + 1] != UInt8(ascii: "\n")
                index += escapes ? 2 : 1
            }
        } else if isPair("/", "/", at: index) {
            index += bytes[index...].prefix { $0 != UInt8(ascii: "\n") }.count
        } else if isPair("/", "*", at: index) {
            commentDepth = 1
            index += 2
        } else if byte == quote || byte == hash {
            let hashes = run(of: hash, at: index)
            let quotes = run(of: quote, at: index + hashes)
            if quotes > 0 {
                // Two quotes are an empty literal: one opens it and the other one ends it.
                literal = (quotes >= 3 ? 3 : 1, hashes)
                index += hashes + (quotes >= 3 ? 3 : 1)
            } else {
                lines[lines.count - 1].append(contentsOf: bytes[index..<index + hashes])
                index += hashes
            }
        } else {
            lines[lines.count - 1].append(byte)
            index += 1
        }
    }
    return lines.map { String(decoding: $0, as: UTF8.self) }
}

/// The module that a line imports; nil for any other line. `line` has no comments.
func importedModule(_ line: String) -> String? {
    let attribute = /@[A-Za-z_]+(\([^)]*\))?/
    let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
    // Most lines are none: what an import may begin with is an attribute, an access level or itself.
    guard let first = line.utf8.first(where: { $0 != UInt8(ascii: " ") }), "@ifp".utf8.contains(first) else { return nil }
    var words = line.replacing(attribute, with: "").split(whereSeparator: { $0.isWhitespace || $0 == ";" })[...]
    while let first = words.first, modifiers.contains(first) { words.removeFirst() }
    guard words.popFirst() == "import" else { return nil }
    if let first = words.first, kinds.contains(first) { words.removeFirst() }
    return words.first.map { String($0.prefix { $0 != "." }) }
}
