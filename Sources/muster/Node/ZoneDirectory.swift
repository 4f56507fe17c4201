import Foundation
import Manifests
import Schedule

/// Reads time zones from the system's zoneinfo directory: the only place that turns a zone's name into a path.
struct ZoneDirectory: Sendable {
    /// A name for which there are no rules: why, and what may have been meant.
    struct Failure: Error, Hashable, CustomStringConvertible {
        var description: String
    }

    let folder: URL

    /// Where systems keep the tz database; the first that exists is used.
    static let usualFolders = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"]

    init(folder: URL) { self.folder = folder }

    /// The directory that `TZDIR` names, or else the system's.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        if let named = environment["TZDIR"], !named.isEmpty {
            self.init(folder: URL(fileURLWithPath: named, isDirectory: true))
        } else {
            let found = Self.usualFolders.first { FileManager.default.fileExists(atPath: $0) }
            self.init(folder: URL(fileURLWithPath: found ?? Self.usualFolders[0], isDirectory: true))
        }
    }

    /// `UTC` needs no file. Names are as the tz database has them, upper and lower case included.
    func rules(named name: String) throws(Failure) -> TimeZoneRules {
        if name == TimeZoneRules.utc.name { return .utc }
        if let objection = TimeZoneName.objection(to: name) { throw Failure(description: objection) }
        guard FileManager.default.fileExists(atPath: self.folder.path) else {
            throw Failure(
                description: "the time zone “\(name)” can't be read: there is no directory \(self.folder.path); install the package tzdata, or set TZDIR")
        }
        let path = self.folder.appendingPathComponent(name).path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else { throw self.unknown(name) }
        guard let file = FileHandle(forReadingAtPath: path) else { throw Failure(description: "the time zone “\(name)” can't be read from \(path)") }
        defer { try? file.close() }
        // One byte more than may be, so that a file that is too large is told apart.
        guard let bytes = try? file.read(upToCount: TimeZoneRules.maximumFileSize + 1) ?? Data() else {
            throw Failure(description: "the time zone “\(name)” can't be read from \(path)")
        }
        do throws(TimeZoneError) {
            return try TimeZoneRules(name: name, tzif: [UInt8](bytes))
        } catch {
            throw Failure(description: "the time zone “\(name)” can't be used: \(path): \(error)")
        }
    }

    /// Every name that the directory has rules for, in order.
    func names() -> [String] {
        let paths = FileManager.default.enumerator(atPath: self.folder.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { path in
            guard TimeZoneName.objection(to: path) == nil, let file = FileHandle(forReadingAtPath: self.folder.appendingPathComponent(path).path)
            else { return false }
            defer { try? file.close() }
            return (try? file.read(upToCount: 4)).map { [UInt8]($0) } == Array("TZif".utf8)
        }.sorted()
    }

    private func unknown(_ name: String) -> Failure {
        let near = self.near(name)
        let hint = near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
        return Failure(description: "there is no time zone “\(name)” in \(self.folder.path)\(hint)")
    }

    /// The same name in another case, the same place in whatever region, or a slip of one of both; at most three.
    private func near(_ name: String) -> [String] {
        let names = self.names()
        func place(_ name: String) -> String { name.split(separator: "/").last.map { $0.lowercased() } ?? "" }
        let wanted = name.lowercased()
        if let same = names.first(where: { $0.lowercased() == wanted }) { return [same] }
        var found = names.filter { place($0) == place(wanted) }
        if found.isEmpty, let close = nearest(name, in: names) { found = [close] }
        if found.isEmpty, let close = nearest(place(wanted), in: names.map(place)) { found = names.filter { place($0) == close } }
        return Array(found.prefix(3))
    }
}
