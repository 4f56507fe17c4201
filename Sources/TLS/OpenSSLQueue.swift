internal import COpenSSL

/// OpenSSL's error queue. It belongs to the thread, so to all sessions of an event loop: it is emptied before each call that may fail and drained
/// right after, with nothing in between that could suspend.
enum OpenSSLQueue {
    struct Entry {
        var code: CUnsignedLong
        /// The part of the code that says what happened, to compare with `SSL_R_…`.
        var reason: Int32 { Int32(truncatingIfNeeded: self.code & 0x7F_FFFF) }
        var isOfTLS: Bool { (self.code >> 23) & 0xFF == CUnsignedLong(ERR_LIB_SSL) }
        var text: String { ERR_reason_error_string(self.code).map { String(cString: $0) } ?? "error \(String(self.code, radix: 16))" }
    }

    static func clear() { ERR_clear_error() }

    /// Takes all entries, oldest first.
    static func drain() -> [Entry] {
        var entries: [Entry] = []
        while case let code = ERR_get_error(), code != 0 { entries.append(Entry(code: code)) }
        return entries
    }

    /// Takes all entries as one line.
    static func drainText() -> String {
        let entries = self.drain()
        return entries.isEmpty ? "no further reason given" : entries.map(\.text).joined(separator: "; ")
    }
}
