import Crypto
import HTTPTypes
import Model

/// Where a list goes on. Opaque to clients, and bound to the list and its filter: a cursor of another list or filter is refused instead of answering
/// with a page that fits nowhere.
enum Cursor {
    /// Hexadecimal digits of the digest that binds it: against mistakes, not against forgers; what it says is no secret and grants nothing.
    private static let bindingLength = 12

    static func text(position: String, of route: String, filter: Query) -> String {
        let body = "\(Self.binding(route, filter)):\(position)"
        return Hexadecimal.text(body.utf8)
    }

    /// - Throws: ``Problem`` `bad-cursor`.
    static func position(_ text: String?, of route: String, filter: Query) throws(Problem) -> String? {
        guard let text else { return nil }
        guard let bytes = Hexadecimal.bytes(text), let body = String(validating: bytes, as: UTF8.self) else {
            throw Problem(.badCursor, "The cursor is not one that this API gave.")
        }
        let parts = body.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == Self.binding(route, filter) else {
            throw Problem(.badCursor, "The cursor was given for another list or another filter.")
        }
        return String(parts[1])
    }

    /// The same for lists whose place is a number.
    static func number(_ text: String?, of route: String, filter: Query) throws(Problem) -> Int64? {
        guard let position = try Self.position(text, of: route, filter: filter) else { return nil }
        guard let number = Int64(position) else { throw Problem(.badCursor, "The cursor is not one that this list gave.") }
        return number
    }

    private static func binding(_ route: String, _ filter: Query) -> String {
        let digest = SHA256.hash(data: Array("\(route)\n\(filter.filterText)".utf8))
        return String(Hexadecimal.text(digest).prefix(Self.bindingLength))
    }
}

/// Lower-case hexadecimal.
enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        for byte in bytes {
            out.append(Self.digits[Int(byte >> 4)])
            out.append(Self.digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func bytes(_ text: String) -> [UInt8]? {
        let ascii = Array(text.utf8)
        guard ascii.count.isMultiple(of: 2) else { return nil }
        var out: [UInt8] = []
        for index in stride(from: 0, to: ascii.count, by: 2) {
            guard let high = Self.digits.firstIndex(of: ascii[index]), let low = Self.digits.firstIndex(of: ascii[index + 1]) else { return nil }
            out.append(UInt8(high << 4 | low))
        }
        return out
    }
}

/// A page of a list that is held whole in memory, sorted by a key that no two items share.
struct Page {
    var items: [JSON]
    /// The cursor of the next page; nil at the end.
    var next: String?

    /// - Parameter items: sorted by key, each with its key.
    init(_ items: [(key: String, json: JSON)], call: Call) throws(Problem) {
        let after = try Cursor.position(call.query["cursor"], of: call.route.operationID, filter: call.query)
        let rest = after.map { after in items.drop { $0.key <= after } } ?? items[...]
        let page = rest.prefix(call.query.limit)
        self.items = page.map(\.json)
        self.next = page.count < rest.count ? page.last.map { Cursor.text(position: $0.key, of: call.route.operationID, filter: call.query) } : nil
    }

    init(items: [JSON], next: String?) {
        self.items = items
        self.next = next
    }

    func answer(_ call: Call) -> Answer {
        Answer(.ok, ["items": .array(self.items), "next": self.next.map { .string($0) } ?? .null, "asOf": call.head.now.json])
    }
}
