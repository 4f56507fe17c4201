internal import CLibPQ

/// Sole owner of a `PGconn`. Closing twice does not compile.
struct Handle: ~Copyable {
    private(set) var raw: OpaquePointer?

    init(adopting raw: OpaquePointer) { self.raw = raw }
    deinit { if let raw { PQfinish(raw) } }

    /// Says good-bye to the server and closes the socket.
    mutating func finish() {
        if let raw { PQfinish(raw) }
        self.raw = nil
    }

    /// libpq's last words, in one line.
    var lastMessage: String {
        guard let raw, let message = PQerrorMessage(raw) else { return "the connection is closed" }
        return Self.oneLine(String(cString: message))
    }

    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { line in
            String(line.drop(while: { $0 == " " || $0 == "\t" }))
        }.joined(separator: "; ")
    }
}

/// Lends `values` as the arrays that libpq wants, in one allocation for the bytes.
func withParameters<R>(
    _ values: [Value], _ body: (CInt, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<CInt>?, UnsafePointer<CInt>?) throws -> R
) rethrows -> R {
    if values.isEmpty { return try body(0, nil, nil, nil) }
    var storage: [UInt8] = []
    var offsets: [Int?] = []
    var lengths: [CInt] = []
    var formats: [CInt] = []
    for value in values {
        if case .bytes(let bytes) = value {
            offsets.append(storage.count)
            lengths.append(CInt(clamping: bytes.count))
            formats.append(1)
            storage.append(contentsOf: bytes)
            storage.append(0)  // never an empty region: a null pointer would mean NULL
        } else if var text = value.text {
            offsets.append(storage.count)
            lengths.append(0)
            formats.append(0)
            // A zero byte can't stand in a text; the server would refuse the escape, and C would cut the rest silently.
            text.withUTF8 { utf8 in
                if utf8.contains(0) {
                    storage.append(contentsOf: utf8.lazy.map { $0 == 0 ? 0x1A : $0 })
                } else {
                    storage.append(contentsOf: utf8)
                }
            }
            storage.append(0)
        } else {
            offsets.append(nil)
            lengths.append(0)
            formats.append(0)
        }
    }
    return try storage.withUnsafeBytes { raw in
        let buffer = raw.assumingMemoryBound(to: CChar.self)
        let pointers: [UnsafePointer<CChar>?] = offsets.map { offset in offset.flatMap { buffer.baseAddress?.advanced(by: $0) } }
        return try pointers.withUnsafeBufferPointer { pointers in
            try lengths.withUnsafeBufferPointer { lengths in
                try formats.withUnsafeBufferPointer { formats in
                    try body(CInt(values.count), pointers.baseAddress, lengths.baseAddress, formats.baseAddress)
                }
            }
        }
    }
}

extension PostgresError {
    /// From a result that reports an error. FATAL means that the server ends the session with it.
    init(result: OpaquePointer, statement: String?, endpoint: String, index: Int? = nil) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, CInt(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        let fallback = PQresultErrorMessage(result).map { Handle.oneLine(String(cString: $0)) } ?? "the server reported an error without words"
        let severity = field("V")
        self.init(
            severity == "FATAL" || severity == "PANIC" ? .closed : .server, field("M") ?? fallback, sqlState: field("C"), detail: field("D"), hint: field("H"),
            statement: statement, endpoint: endpoint,
            index: index)
    }
}
