import Yams

/// Reads YAML text into trees, with aliases written out and everything bounded.
///
/// The YAML library would resolve aliases by sharing, which lets a short text stand for a tree too large to walk. So it never sees an alias:
/// the `*` of each possible one is replaced by a placeholder character of the same width that occurs nowhere else in the text, and aliases are
/// resolved here, under a budget; in every other place the `*` comes back.
enum YAMLDocuments {
    /// What keeps a document from being read.
    struct Refusal: Error {
        var position: SourcePosition
        var code: ManifestFinding.Code
        var message: String
    }

    /// The roots in `text`. After a refusal nothing more can be read of it.
    static func roots(of text: String) -> (roots: [DocumentNode], refusal: Refusal?) {
        var roots: [DocumentNode] = []
        do throws(Refusal) {
            try Self.checkNesting(text)
            let (prepared, placeholder) = try Self.withoutAliases(text)
            var source = try Source(text: prepared)
            while let root = try source.next() {
                var builder = TreeBuilder(placeholder: placeholder)
                roots.append(try builder.tree(of: root, depth: 1).node)
            }
            return (roots, nil)
        } catch {
            return (roots, error)
        }
    }

    /// Brackets that may be open at once, those in words included, since quotes are not understood here. Each open one makes every following
    /// word dearer to the YAML parser, so that a megabyte could keep it busy for long before it finds the nesting too deep.
    private static let mostOpenBrackets = 128

    private static func checkNesting(_ text: String) throws(Refusal) {
        var open = 0
        var position = SourcePosition(line: 1, column: 1)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "[", "{": open += 1
            case "]", "}": open = max(0, open - 1)
            default: break
            }
            guard open <= Self.mostOpenBrackets else {
                throw Refusal(
                    position: position, code: .tooLarge,
                    message: "more than \(Self.mostOpenBrackets) brackets “[” and “{” are open here; close them, or split the document")
            }
            if scalar == "\n" { position = SourcePosition(line: position.line + 1, column: 1) } else { position.column += 1 }
        }
    }

    private static func withoutAliases(_ text: String) throws(Refusal) -> (text: String, placeholder: Unicode.Scalar?) {
        let bytes = Array(text.utf8)
        func starts(_ indicator: Unicode.Scalar, at index: Int) -> Bool {
            bytes[index] == UInt8(ascii: indicator) && index + 1 < bytes.count && Self.isAnchorCharacter(Unicode.Scalar(bytes[index + 1]))
        }
        // Without an anchor there is nothing to share; the library reports an alias to nothing well.
        guard bytes.indices.contains(where: { starts("&", at: $0) }) else { return (text, nil) }
        let used = Set(text.unicodeScalars.lazy.filter { (0xE000...0xF8FF).contains($0.value) })
        let unused = (UInt32(0xE000)...0xF8FF).lazy.compactMap { Unicode.Scalar($0) }.first { !used.contains($0) }
        guard let placeholder = unused else {
            throw Refusal(
                position: SourcePosition(line: 1, column: 1), code: .syntax,
                message: "the text uses every private-use character and anchors; remove one of the two")
        }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + 64)
        for index in bytes.indices {
            if starts("*", at: index) { out.append(contentsOf: String(placeholder).utf8) } else { out.append(bytes[index]) }
        }
        return (String(decoding: out, as: UTF8.self), placeholder)
    }

    fileprivate static func isAnchorCharacter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "-" || scalar == "_")
    }
}

/// The library's parser, which must not be asked again after an error.
private struct Source {
    let parser: Parser

    init(text: String) throws(YAMLDocuments.Refusal) {
        do { self.parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8) } catch { throw Self.refusal(error, text: text) }
    }

    mutating func next() throws(YAMLDocuments.Refusal) -> Yams.Node? {
        do { return try self.parser.nextRoot() } catch { throw Self.refusal(error, text: self.parser.yaml) }
    }

    private static func refusal(_ error: any Error, text: String) -> YAMLDocuments.Refusal {
        func syntax(_ context: YamlError.Context?, _ problem: String, _ mark: Mark) -> YAMLDocuments.Refusal {
            if problem.hasPrefix("Maximum nesting level") {
                return .init(
                    position: SourcePosition(mark), code: .tooLarge,
                    message: "the document is nested deeper than \(ManifestLimits.depth) levels; flatten it")
            }
            var message = "this is not YAML: \(problem)"
            if let context, !context.text.isEmpty { message += ", \(context.text)" }
            if Self.character(at: mark, in: text) == "\t" { message += " (YAML is indented with spaces, not with tabs)" }
            return .init(position: SourcePosition(mark), code: .syntax, message: message)
        }
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            return syntax(context, problem, mark)
        case .duplicatedKeysInMapping(let names, let context):
            let list = names.prefix(3).map { "“\($0.shortened)”" }.joined(separator: ", ") + (names.count > 3 ? " and others" : "")
            return .init(
                position: SourcePosition(context.mark), code: .duplicateField,
                message: "the field \(list) stands more than once in this mapping; keep one")
        case .reader(let problem, _, _, _):
            return .init(position: SourcePosition(line: 1, column: 1), code: .syntax, message: "this is not YAML: \(problem)")
        default:
            return .init(position: SourcePosition(line: 1, column: 1), code: .syntax, message: "this is not YAML: \(error)")
        }
    }

    private static func character(at mark: Mark, in text: String) -> Unicode.Scalar? {
        var line = 1
        var column = 1
        for scalar in text.unicodeScalars {
            if line == mark.line, column == mark.column { return scalar }
            if scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
            if line > mark.line { return nil }
        }
        return nil
    }
}

extension SourcePosition {
    fileprivate init(_ mark: Mark?) { self.init(line: mark?.line ?? 1, column: mark?.column ?? 1) }
}

/// Turns the library's nodes into ours; one per document, since anchors end with it.
private struct TreeBuilder {
    struct Tree {
        var node: DocumentNode
        /// Nodes and levels, aliases written out.
        var size: Int
        var height: Int
    }

    let placeholder: Unicode.Scalar?
    var anchors: [String: Tree] = [:]
    var size = 0

    init(placeholder: Unicode.Scalar?) { self.placeholder = placeholder }

    mutating func tree(of node: Yams.Node, depth: Int) throws(YAMLDocuments.Refusal) -> Tree {
        let position = SourcePosition(node.mark)
        try self.spend(1, height: depth, at: position)
        let tree: Tree
        switch node {
        case .scalar(let scalar):
            if let name = try self.alias(scalar, at: position) { return try self.copy(of: name, depth: depth, at: position) }
            tree = Tree(node: DocumentNode(value: .scalar(try self.scalar(scalar, at: position)), position: position), size: 1, height: 1)
        case .sequence(let sequence):
            try Self.check(tag: sequence.tag, is: .seq, at: position)
            tree = try self.list(sequence, depth: depth, at: position)
        case .mapping(let mapping):
            try Self.check(tag: mapping.tag, is: .map, at: position)
            tree = try self.mapping(mapping, depth: depth, at: position)
        case .alias:
            throw .init(position: position, code: .syntax, message: "an alias is not allowed here; write the value out")
        }
        if let anchor = node.anchor { self.anchors[anchor.rawValue] = tree }
        return tree
    }

    private mutating func list(_ sequence: Yams.Node.Sequence, depth: Int, at position: SourcePosition) throws(YAMLDocuments.Refusal) -> Tree {
        var result = Tree(node: DocumentNode(value: .list([]), position: position), size: 1, height: 1)
        var elements: [DocumentNode] = []
        for element in sequence {
            let tree = try self.tree(of: element, depth: depth + 1)
            result.size += tree.size
            result.height = max(result.height, tree.height + 1)
            elements.append(tree.node)
        }
        result.node.value = .list(elements)
        return result
    }

    private mutating func mapping(_ mapping: Yams.Node.Mapping, depth: Int, at position: SourcePosition) throws(YAMLDocuments.Refusal) -> Tree {
        var result = Tree(node: DocumentNode(value: .mapping([]), position: position), size: 1, height: 1)
        var fields: [DocumentNode.Field] = []
        for (key, value) in mapping {
            let keyPosition = SourcePosition(key.mark)
            guard case .scalar(let scalar) = key, scalar.string.unicodeScalars.first != self.placeholder || self.placeholder == nil else {
                throw .init(position: keyPosition, code: .syntax, message: "a field's name must be a plain word")
            }
            guard scalar.string != "<<" else {
                throw .init(position: keyPosition, code: .syntax, message: "merging mappings with “<<” is not supported; write the fields out")
            }
            let tree = try self.tree(of: value, depth: depth + 1)
            result.size += tree.size
            result.height = max(result.height, tree.height + 1)
            fields.append(.init(name: self.restored(scalar.string), position: keyPosition, value: tree.node))
        }
        result.node.value = .mapping(fields)
        return result
    }

    /// Counts against the document's limits.
    private mutating func spend(_ nodes: Int, height: Int, at position: SourcePosition) throws(YAMLDocuments.Refusal) {
        self.size += nodes
        guard self.size <= ManifestLimits.nodes else {
            throw .init(
                position: position, code: .tooLarge,
                message: "with its aliases written out the document has more than \(ManifestLimits.nodes) values; write less")
        }
        guard height <= ManifestLimits.depth else {
            throw .init(
                position: position, code: .tooLarge,
                message: "the document is nested deeper than \(ManifestLimits.depth) levels; flatten it")
        }
    }

    /// The name behind `*`, when the scalar is an alias.
    private func alias(_ scalar: Yams.Node.Scalar, at position: SourcePosition) throws(YAMLDocuments.Refusal) -> String? {
        guard let placeholder, scalar.style == .plain, scalar.string.unicodeScalars.first == placeholder else { return nil }
        let name = String(String.UnicodeScalarView(scalar.string.unicodeScalars.dropFirst()))
        guard name.unicodeScalars.allSatisfy(YAMLDocuments.isAnchorCharacter) else {
            throw .init(position: position, code: .syntax, message: "text that starts with “*” is an alias; put it in quotes")
        }
        return name
    }

    private mutating func copy(of name: String, depth: Int, at position: SourcePosition) throws(YAMLDocuments.Refusal) -> Tree {
        guard var tree = self.anchors[name] else {
            let message = "the alias “*\(name)” names no anchor before it in this document; text that starts with “*” needs quotes"
            throw .init(position: position, code: .syntax, message: message)
        }
        try self.spend(tree.size - 1, height: depth + tree.height - 1, at: position)
        tree.node.position = position
        return tree
    }

    private func scalar(_ scalar: Yams.Node.Scalar, at position: SourcePosition) throws(YAMLDocuments.Refusal) -> DocumentNode.Scalar {
        try Self.check(tag: scalar.tag, is: .str, at: position)
        let style: DocumentNode.Scalar.Style =
            switch scalar.style {
            case .singleQuoted, .doubleQuoted: .quoted
            case .literal, .folded: .block
            // `!!str 5` is text.
            case .plain, .any: scalar.tag.rawValue.isEmpty ? .plain : .quoted
            }
        return DocumentNode.Scalar(text: self.restored(scalar.string), style: style)
    }

    private func restored(_ text: String) -> String {
        guard let placeholder, text.unicodeScalars.contains(placeholder) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == placeholder ? "*" : $0 }))
    }

    private static func check(tag: Tag, is expected: Tag.Name, at position: SourcePosition) throws(YAMLDocuments.Refusal) {
        guard tag.rawValue.isEmpty || tag.rawValue == expected.rawValue || tag.rawValue == "!" else {
            throw .init(position: position, code: .syntax, message: "tags such as “!…” are not supported; remove it")
        }
    }
}
