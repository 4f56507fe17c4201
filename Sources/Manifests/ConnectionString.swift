/// Looks into a libpq connection string for secrets, in both of its forms, without keeping or repeating any of it.
enum ConnectionString {
    enum Verdict: Equatable {
        case fine
        /// What is wrong, fit to follow "the connection string".
        case malformed(String)
        /// The parameter that holds it.
        case secret(String)
    }

    /// Parameters whose value is a secret. `passfile` and `sslkey` name files and are none.
    private static let secretParameters: Set<String> = ["password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"]

    static func inspect(_ text: String) -> Verdict {
        for scheme in ["postgresql://", "postgres://"] where text.lowercased().hasPrefix(scheme) {
            return Self.inspect(uri: text.dropFirst(scheme.count))
        }
        if text.contains("://") { return .malformed("is a URI of another scheme; write postgresql://… or key=value pairs") }
        return Self.inspect(pairs: text)
    }

    private static func inspect(uri: Substring) -> Verdict {
        // As libpq: credentials end at the first “@” before any “/”, even behind a “?”.
        let authority = uri.prefix { $0 != "/" }
        var rest = uri
        if let at = authority.firstIndex(of: "@") {
            if uri[..<at].contains(":") { return .secret("user:password@") }
            rest = uri[uri.index(after: at)...]
        }
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // A password with a “/” in it ends up in the path.
        if parts[0].contains("@") { return .malformed("has a “@” where none belongs; percent-encode it as %40") }
        guard parts.count == 2 else { return .fine }
        for pair in parts[1].split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.percentDecoded(sides[0]).lowercased()
            if Self.secretParameters.contains(name) { return .secret(name) }
            if sides.count != 2 { return .malformed("has a parameter without a value") }
        }
        return .fine
    }

    private static func inspect(pairs text: String) -> Verdict {
        var rest = Substring(text)
        func skipSpace() { rest = rest.drop { $0.isWhitespace } }
        skipSpace()
        while !rest.isEmpty {
            let name = rest.prefix { $0 != "=" && !$0.isWhitespace }
            rest = rest.dropFirst(name.count)
            skipSpace()
            // Said first, since a malformed rest may well be the secret itself.
            if Self.secretParameters.contains(name.lowercased()) { return .secret(name.lowercased()) }
            guard rest.first == "=", !name.isEmpty else { return .malformed("is neither a postgresql:// URI nor key=value pairs") }
            rest.removeFirst()
            skipSpace()
            guard Self.skipValue(&rest) else { return .malformed("has a quoted value without its closing quote") }
            skipSpace()
        }
        return .fine
    }

    /// False when a quote is not closed.
    private static func skipValue(_ rest: inout Substring) -> Bool {
        let quoted = rest.first == "'"
        if quoted { rest.removeFirst() }
        while let character = rest.first {
            if quoted ? character == "'" : character.isWhitespace { break }
            rest.removeFirst()
            if character == "\\", !rest.isEmpty { rest.removeFirst() }
        }
        guard quoted else { return true }
        guard rest.first == "'" else { return false }
        rest.removeFirst()
        return true
    }

    private static func percentDecoded(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let value = UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                out.append(value)
                index += 3
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
