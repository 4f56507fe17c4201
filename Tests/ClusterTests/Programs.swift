import Foundation
import Glibc

/// Where the programs under test and the cluster's scripts are.
enum Programs {
    /// The folder with `muster` and `muster-sample`: MUSTER_TEST_BIN, else the build folder that the tests themselves run from.
    static let folder: String = {
        if let given = ProcessInfo.processInfo.environment["MUSTER_TEST_BIN"], !given.isEmpty { return given }
        for path in ["/proc/self/exe"] + CommandLine.arguments where path.contains("/") {
            var place = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent()
            while place.path != "/" {
                if isProgram("\(place.path)/muster") { return place.path }
                place.deleteLastPathComponent()
            }
        }
        return "/nowhere (build muster, or set MUSTER_TEST_BIN to the folder with muster and muster-sample)"
    }()

    static var muster: String { "\(Self.folder)/muster" }

    /// The repository: where `cluster/up` is.
    static let repository: String = {
        var place = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        while place.path != "/", !isProgram("\(place.path)/cluster/up") { place.deleteLastPathComponent() }
        return place.path
    }()

    static func script(_ name: String) -> String { "\(Self.repository)/cluster/\(name)" }

    static let psql: String = {
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []).compactMap { Int($0) }.sorted(by: >)
        let folders =
            versions.map { "/usr/lib/postgresql/\($0)/bin" } + (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return folders.map { "\($0)/psql" }.first(where: isProgram) ?? "psql"
    }()

    private static func isProgram(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue && access(path, X_OK) == 0
    }
}
