/// Bytes that are not a time zone: what is wrong with them.
public struct TimeZoneError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong with the bytes, in words.
    public var message: String
    /// - Parameter message: what is wrong; the zone's name is put in front by whoever asked for it.
    public init(_ message: String) { self.message = message }
    /// Its ``message``.
    public var description: String { self.message }
}

extension TimeZoneRules {
    /// Larger than any file of the tz database by far.
    public static var maximumFileSize: Int { 256 * 1024 }

    /// Reads the bytes of a TZif file of version 2 or later, as zoneinfo directories hold them.
    ///
    /// - Throws: ``TimeZoneError`` for anything that is not such a file: old (version 1), counting leap seconds, cut short or out of bounds.
    public init(name: String, tzif bytes: [UInt8]) throws(TimeZoneError) {
        guard bytes.count <= Self.maximumFileSize else { throw TimeZoneError("the file is larger than \(Self.maximumFileSize) bytes") }
        var reader = TZifReader(bytes: bytes)
        let old = try reader.header()
        guard old.version >= UInt8(ascii: "2") else { throw TimeZoneError("the file has version 1 of the TZif format; version 2 or later is needed") }
        // The first block is for programs that know 32-bit times only.
        try reader.skip(old.size(timeSize: 4))
        let header = try reader.header()
        guard header.leapSeconds == 0 else { throw TimeZoneError("the file counts leap seconds (“right/”), which wall time here does not") }
        guard header.types > 0, header.types <= 256 else { throw TimeZoneError("the file has \(header.types) kinds of local time; 1 to 256 are allowed") }
        let times = try reader.times(header.times)
        let kinds = try reader.take(header.times)
        let offsets = try reader.offsets(header.types)
        try reader.skip(header.names + header.standardFlags + header.universalFlags)
        let footer = try reader.footer()

        var transitions: [Int] = []
        var byTransition = [offsets[0]]
        for (time, kind) in zip(times, kinds) {
            guard Int(kind) < offsets.count else { throw TimeZoneError("the file names a kind of local time that it does not have") }
            guard transitions.last.map({ $0 < time }) ?? true else { throw TimeZoneError("the file's changes are not in the order of time") }
            transitions.append(time)
            byTransition.append(offsets[Int(kind)])
        }
        self.init(name: name, transitions: transitions, offsets: byTransition, rule: footer.isEmpty ? nil : try PosixRule(parsing: footer))
    }
}

private struct TZifReader {
    let bytes: [UInt8]
    var index = 0

    struct Header {
        var version: UInt8
        var universalFlags, standardFlags, leapSeconds, times, types, names: Int

        /// Of the block behind it, in bytes. Counts have 32 bits: no overflow.
        func size(timeSize: Int) -> Int {
            self.times * (timeSize + 1) + self.types * 6 + self.names + self.leapSeconds * (timeSize + 4) + self.standardFlags + self.universalFlags
        }
    }

    mutating func take(_ count: Int) throws(TimeZoneError) -> ArraySlice<UInt8> {
        guard count <= self.bytes.count - self.index else { throw TimeZoneError("the file ends too early: it is cut short, or no time zone") }
        defer { self.index += count }
        return self.bytes[self.index..<self.index + count]
    }

    mutating func skip(_ count: Int) throws(TimeZoneError) { _ = try self.take(count) }

    private mutating func integer(_ size: Int) throws(TimeZoneError) -> UInt64 {
        try self.take(size).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func header() throws(TimeZoneError) -> Header {
        guard try self.take(4).elementsEqual("TZif".utf8) else { throw TimeZoneError("the file does not begin with “TZif”: it is no time zone") }
        let version = try self.integer(1)
        try self.skip(15)
        var counts: [Int] = []
        for _ in 0..<6 { counts.append(Int(try self.integer(4))) }
        return Header(
            version: UInt8(version), universalFlags: counts[0], standardFlags: counts[1], leapSeconds: counts[2], times: counts[3], types: counts[4],
            names: counts[5])
    }

    mutating func times(_ count: Int) throws(TimeZoneError) -> [Int] {
        // Before the loop, so that a wrong count costs nothing.
        guard count <= self.bytes.count / 8 else { throw TimeZoneError("the file ends too early: it is cut short, or no time zone") }
        var times: [Int] = []
        for _ in 0..<count {
            let time = Int(Int64(bitPattern: try self.integer(8)))
            // Farther than the age of the universe; room for adding offsets.
            guard abs(time / 2) < 1 << 59 else { throw TimeZoneError("the file has a change at a time that no calendar has") }
            times.append(time)
        }
        return times
    }

    mutating func offsets(_ count: Int) throws(TimeZoneError) -> [Int] {
        var offsets: [Int] = []
        for _ in 0..<count {
            let offset = Int(Int32(truncatingIfNeeded: try self.integer(4)))
            guard abs(offset) <= TimeZoneRules.largestOffset else { throw TimeZoneError("the file has an offset of \(offset) s; 26 h is the most there is") }
            offsets.append(offset)
            try self.skip(2)
        }
        return offsets
    }

    /// What stands between the two ends of line behind the data.
    mutating func footer() throws(TimeZoneError) -> [UInt8] {
        guard try self.take(1).first == UInt8(ascii: "\n"), let end = self.bytes[self.index...].firstIndex(of: UInt8(ascii: "\n")) else {
            throw TimeZoneError("the file has no footer: it is cut short")
        }
        return Array(try self.take(end - self.index))
    }
}
