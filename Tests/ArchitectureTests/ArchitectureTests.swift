import Testing

/// What each target may import. Decisions are pure: they import values and what hashes or parses them. Shells import what they shell. Arrows
/// point one way: Model ← pure ← shell ← Server ← muster.
private let allowedImports: [String: Set<String>] = [
    // System libraries and the C that Swift can't say.
    "CLibPQ": [], "CLinux": [], "COpenSSL": [], "COpenSSLShims": [], "CEngineBench": [],

    // Pure.
    "Model": [],
    "Schedule": ["Model"],
    "Engine": ["Model"],
    "Election": ["Model"],
    "Membership": ["Model"],
    "Supervision": ["Model"],
    "Simulator": ["Model", "Election"],
    "Control": ["Model", "Schedule", "Engine"],
    "Ledger": ["Model", "Crypto"],
    "Manifests": ["Model", "Crypto", "Yams"],

    // Shells.
    "Postgres": ["CLibPQ", "CLinux", "Glibc", "Logging", "Synchronization"],
    "Store": ["Model", "Ledger", "Manifests", "Postgres", "Crypto", "Logging"],
    "TLS": ["Model", "COpenSSL", "COpenSSLShims", "Crypto", "Foundation", "NIOCore", "SwiftASN1", "Synchronization", "X509"],
    "Readings": ["Model", "Postgres", "Glibc", "Logging", "Synchronization"],
    "Drivers": ["Model", "Glibc", "Logging", "Subprocess", "Synchronization", "SystemPackage"],
    "Cluster": [
        "Model", "Election", "Membership", "Supervision", "Postgres", "Crypto", "Dispatch", "Glibc", "Logging", "ServiceLifecycle", "Synchronization",
    ],
    "Peers": ["Model", "Membership", "TLS", "CLinux", "Glibc", "Logging", "NIOCore", "NIOPosix", "ServiceLifecycle", "Synchronization"],
    "Coordinator": [
        "Model", "Schedule", "Engine", "Control", "Ledger", "Postgres", "Store", "Readings", "Drivers", "Cluster", "Glibc", "Logging", "Synchronization",
    ],
    "Server": [
        "Model", "Engine", "Ledger", "Manifests", "Membership", "Postgres", "Store", "Crypto", "HTTPTypes", "Hummingbird", "HummingbirdCore", "HummingbirdTLS",
        "Logging", "NIOCore", "NIOHTTP1", "NIOSSL", "ServiceLifecycle", "Synchronization",
    ],

    // Programs.
    "muster": [
        "Model", "Engine", "Election", "Control", "Ledger", "Manifests", "Membership", "Peers", "Postgres", "Store", "TLS", "Readings", "Drivers", "Cluster",
        "Coordinator", "Schedule", "Supervision", "CLinux",
        "Server", "ArgumentParser", "AsyncHTTPClient", "Crypto", "Foundation", "Glibc", "Logging", "NIOCore", "NIOFoundationCompat", "NIOHTTP1",
        "NIOSSL", "ServiceLifecycle", "Synchronization", "UnixSignals", "Dispatch", "Yams",
    ],
    "muster-bench": [
        "CEngineBench", "Control", "Coordinator", "Dispatch", "Manifests", "Model", "Engine", "Election", "Ledger", "Postgres", "PostgresTesting", "Store",
        "ArgumentParser", "Foundation", "Glibc",
        "Logging",
        "Synchronization",
    ],
    "muster-sim": ["Simulator", "Glibc"],
    "muster-sample": ["Model", "Postgres", "ArgumentParser", "Dispatch", "Glibc", "Synchronization"],

    // For tests and benchmarks.
    "PostgresTesting": ["Dispatch", "Foundation", "Glibc", "Synchronization"],
    "Eventually": [],
    "SeededRandom": ["Model"],
]

private let pureTargets: Set<String> = [
    "Model", "Schedule", "Engine", "Election", "Membership", "Supervision", "Control", "Ledger", "Manifests", "Simulator",
]
private let programs: Set<String> = ["muster", "muster-bench", "muster-sample", "muster-sim"]

@Suite("Architecture") struct ArchitectureTests {
    private let tree: SourceTree

    init() throws { self.tree = try SourceTree.whole.get() }

    @Test("every target is on the list of imports, and every entry of the list is a target")
    func targets() {
        #expect(self.tree.targets.count > 10)
        for target in self.tree.targets where allowedImports[target] == nil {
            Issue.record("Sources/\(target) is not on the list in ArchitectureTests: say there what it may import")
        }
        for target in allowedImports.keys.sorted() where !self.tree.targets.contains(target) {
            Issue.record("\(target) is on the list in ArchitectureTests, but there is no Sources/\(target)")
        }
    }

    @Test("each target imports only what its place allows")
    func imports() {
        var seen = 0
        for file in self.tree.files {
            for (index, line) in file.code.enumerated() {
                guard let module = importedModule(line) else { continue }
                seen += 1
                if allowedImports[file.target]?.contains(module) != true {
                    Issue.record("\(file.path):\(index + 1): \(file.target) may not import \(module)")
                }
            }
        }
        #expect(seen > 100, "the imports were not found")
    }

    @Test("pure targets have no clock, no randomness of their own and nothing asynchronous")
    func purity() {
        let forbidden: [(pattern: Regex<Substring>, why: String)] = [
            (/\b(?:Continuous|Suspending)Clock\b/, "time is an argument"),
            (/\bDate\(/, "time is an argument"),
            (/\b(?:clock_gettime|gettimeofday)\b/, "time is an argument"),
            (/\bSystemRandomNumberGenerator\b/, "randomness is seeded state"),
            (/\bUUID\(\)/, "randomness is seeded state"),
            (/\.(?:random|randomElement|shuffled?)\((?!.*\busing:)/, "randomness is seeded state: pass a generator with using:"),
            (/\basync\b|\bawait\b|\bTask\b/, "decisions are functions, shells wait"),
        ]
        var seen = 0
        for file in self.tree.files where pureTargets.contains(file.target) {
            seen += 1
            for (index, line) in file.code.enumerated() {
                for (pattern, why) in forbidden {
                    if let match = line.firstMatch(of: pattern) { Issue.record("\(file.path):\(index + 1): “\(match.output)”: \(why)") }
                }
            }
        }
        #expect(seen > 20, "the files of the pure targets were not found")
    }

    @Test("only programs print")
    func printing() {
        for file in self.tree.files where !programs.contains(file.target) {
            for (index, line) in file.code.enumerated() where line.contains("rint(") && line.contains(/(^|[^.\w])(debugP|p)rint\(/) {
                Issue.record("\(file.path):\(index + 1): a library logs or throws, it does not print")
            }
        }
    }

    /// The soft limit is 400; this is where a file is certainly more than one thing.
    private static let longestFile = 800

    @Test("no file is longer than the limit")
    func length() {
        for file in self.tree.files where file.lines.count > Self.longestFile {
            Issue.record("\(file.path) has \(file.lines.count) lines; split it by what it is responsible for")
        }
    }

    @Test("what can crash or race has its reason beside it")
    func reasons() {
        let risky = /\bfatalError\(|\btry!|@unchecked Sendable|nonisolated\(unsafe\)|\bTask\.detached\b/
        for file in self.tree.files where file.target != "PostgresTesting" {
            for (index, line) in file.code.enumerated() {
                guard let match = line.firstMatch(of: risky) else { continue }
                // A comment at the end of the line, or within the next or the last few lines.
                let near = file.lines[max(0, index - 4)...min(file.lines.count - 1, index + 2)]
                if !near.contains(where: { $0.contains("//") }) {
                    Issue.record("\(file.path):\(index + 1): “\(match.output)” without a comment that says why")
                }
            }
        }
    }
}

@Suite("Reading source text") struct SourceTextTests {
    @Test(
        "imports are found with any attribute, access and kind",
        arguments: [
            ("import Model", "Model"), ("public import Model", "Model"), ("@testable import Model", "Model"),
            ("@_spi(Testing) internal import Model", "Model"), ("  private import struct Model.Policy", "Model"), ("import Model;", "Model"),
            ("@preconcurrency public import Foundation.NSDate", "Foundation"),
        ])
    func found(line: String, module: String) {
        #expect(importedModule(line) == module)
    }

    @Test("other lines import nothing", arguments: ["importModel()", "let x = 1", "", "func import1() {}", "public struct Model {}"])
    func notFound(line: String) {
        #expect(importedModule(line) == nil)
    }

    @Test("comments and literals are no code")
    func code() {
        let source = """
            a // import X
            b /* import Y
            /* nested */ still */ c
            let d = "print(\\"x\\") // no" + e
            let f = #"raw " \\"# + g
            let h = \"\"\"
                print(1)
                \"\"\" + i
            #if os(Linux)
            """
        #expect(
            codeLines(source) == ["a ", "b ", " c", "let d =  + e", "let f =  + g", "let h = ", "", " + i", "#if os(Linux)"])
    }
}
