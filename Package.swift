// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "muster",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "muster", targets: ["muster"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates.git", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", exact: "1.0.2", traits: []),
        .package(url: "https://github.com/apple/swift-system.git", exact: "1.8.1"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
    ],
    targets: [
        // System libraries, and the C that Swift can't say.
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "COpenSSLShims", dependencies: ["COpenSSL"]),
        .target(name: "CLinux"),

        // Pure: values and functions, time passed in.
        .target(name: "Model", swiftSettings: strict),
        .target(name: "Schedule", dependencies: ["Model"], swiftSettings: strict),
        .target(name: "Engine", dependencies: ["Model"], swiftSettings: strict),
        .target(name: "Control", dependencies: ["Model", "Engine", "Schedule"], swiftSettings: strict),
        .target(name: "Election", dependencies: ["Model"], swiftSettings: strict),
        .target(name: "Membership", dependencies: ["Model"], swiftSettings: strict),
        .target(name: "Supervision", dependencies: ["Model"], swiftSettings: strict),
        .target(name: "Simulator", dependencies: ["Model", "Election"], swiftSettings: strict),
        .target(name: "Ledger", dependencies: ["Model", crypto], swiftSettings: strict),
        .target(name: "Manifests", dependencies: ["Model", crypto, .product(name: "Yams", package: "Yams")], swiftSettings: strict),

        // Shells: sockets, processes, clocks.
        .target(name: "Postgres", dependencies: ["CLibPQ", "CLinux"], swiftSettings: strict),
        .target(
            name: "Store", dependencies: ["Model", "Ledger", "Manifests", "Postgres", crypto],
            resources: [
                .embedInCode("Migrations/0001_election.sql"), .embedInCode("Migrations/0002_audit.sql"),
                .embedInCode("Migrations/0003_control.sql"), .embedInCode("Migrations/0004_scaling.sql"),
                .embedInCode("Migrations/0005_members.sql"), .embedInCode("Migrations/0006_memory.sql"),
                .embedInCode("Migrations/0007_regions.sql"), .embedInCode("Migrations/0008_people.sql"),
                .embedInCode("Migrations/0009_configuration.sql"), .embedInCode("Migrations/0010_restart.sql"),
                .embedInCode("Migrations/0011_memory_version.sql"),
            ], swiftSettings: strict),
        .target(name: "Readings", dependencies: ["Model", "Postgres", logging], swiftSettings: strict),
        .target(
            name: "Drivers",
            dependencies: [
                "Model", .product(name: "Subprocess", package: "swift-subprocess"), .product(name: "SystemPackage", package: "swift-system"), logging,
            ], swiftSettings: strict),
        .target(
            name: "Cluster", dependencies: ["Model", "Election", "Membership", "Supervision", "Postgres", logging, crypto, lifecycle], swiftSettings: strict),
        .target(
            name: "Peers",
            dependencies: [
                "Model", "Membership", "TLS", "CLinux", logging, lifecycle, .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], swiftSettings: strict),
        .target(
            name: "Coordinator",
            dependencies: ["Model", "Engine", "Control", "Schedule", "Ledger", "Postgres", "Store", "Readings", "Drivers", "Cluster", logging],
            swiftSettings: strict),
        .target(
            name: "TLS",
            dependencies: [
                "Model", "COpenSSL", "COpenSSLShims", crypto, .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"), .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: strict),
        .target(
            name: "Server",
            dependencies: [
                "Model", "Engine", "Ledger", "Manifests", "Membership", "Postgres", "Store", crypto, logging,
                .product(name: "Hummingbird", package: "hummingbird"), .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
                lifecycle,
            ], swiftSettings: strict),

        .executableTarget(
            name: "muster",
            dependencies: [
                "Model", "Engine", "Manifests", "Ledger", "Postgres", "Store", "Readings", "Drivers", "Cluster", "Election", "Coordinator", "Membership",
                "Control", "Schedule", "Supervision", "CLinux", "Peers", "TLS", "Server", crypto,
                logging, .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                lifecycle, .product(name: "UnixSignals", package: "swift-service-lifecycle"), .product(name: "Yams", package: "Yams"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "muster-sample",
            dependencies: ["Model", "Postgres", .product(name: "ArgumentParser", package: "swift-argument-parser")], swiftSettings: strict),
        .executableTarget(name: "muster-sim", dependencies: ["Simulator"], swiftSettings: strict),
        .target(name: "CEngineBench"),
        .executableTarget(
            name: "muster-bench",
            dependencies: [
                "CEngineBench", "Control", "Coordinator", "Engine", "Manifests", "Model", "Postgres", "PostgresTesting", "Store",
            ], swiftSettings: strict),

        // Tests, one folder a target; ClusterTests and MusterTests run the built programs.
        .target(name: "PostgresTesting", dependencies: ["CLinux"], swiftSettings: strict),
        .target(name: "Eventually", swiftSettings: strict),
        .target(name: "SeededRandom", dependencies: ["Model"], swiftSettings: strict),
        .testTarget(name: "ArchitectureTests", swiftSettings: strict),
        .testTarget(name: "ModelTests", dependencies: ["Model", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "ScheduleTests", dependencies: ["Schedule", "Model", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "EngineTests", dependencies: ["Engine", "Model", "SeededRandom"], exclude: ["equivalent-mutants.txt"], swiftSettings: strict),
        .testTarget(name: "ControlTests", dependencies: ["Control", "Engine", "Model", "Schedule", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "ElectionTests", dependencies: ["Election", "Model"], swiftSettings: strict),
        .testTarget(name: "MembershipTests", dependencies: ["Membership", "Model", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "SupervisionTests", dependencies: ["Supervision", "Model"], swiftSettings: strict),
        .testTarget(name: "SimulatorTests", dependencies: ["Simulator", "Election", "Model"], swiftSettings: strict),
        .testTarget(
            name: "PeersTests",
            dependencies: [
                "Eventually", "Peers", "Membership", "Model", "TLS", logging, lifecycle, .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .testTarget(name: "LedgerTests", dependencies: ["Ledger", "Model", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "ManifestsTests", dependencies: ["Manifests", "Model", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "PostgresTests", dependencies: ["Eventually", "Postgres", "PostgresTesting"], swiftSettings: strict),
        .testTarget(
            name: "StoreTests", dependencies: ["Store", "Control", "Ledger", "Manifests", "Model", "Postgres", "PostgresTesting", crypto],
            swiftSettings: strict),
        .testTarget(name: "ReadingsTests", dependencies: ["Readings", "Model", "Postgres", "PostgresTesting", "SeededRandom", logging], swiftSettings: strict),
        .testTarget(name: "DriversTests", dependencies: ["Drivers", "Eventually", "Model", logging], swiftSettings: strict),
        .testTarget(
            name: "ClusterShellTests",
            dependencies: ["Cluster", "Election", "Eventually", "Membership", "Supervision", "Model", "Postgres", "PostgresTesting", logging],
            swiftSettings: strict),
        .testTarget(
            name: "CoordinatorTests",
            dependencies: [
                "Cluster", "Control", "Coordinator", "Drivers", "Manifests", "Model", "Postgres", "PostgresTesting", "Readings", "Store", logging,
            ], swiftSettings: strict),
        .testTarget(
            name: "ConformanceTests", dependencies: ["Cluster", "Election", "Model", "Postgres", "PostgresTesting", "Simulator"],
            swiftSettings: strict),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Server", "Model", "Ledger", "Manifests", "Membership", "Postgres", "PostgresTesting", "Store", crypto, logging,
                .product(name: "Hummingbird", package: "hummingbird"), .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), lifecycle,
                .product(name: "NIOSSL", package: "swift-nio-ssl"), .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"), .product(name: "Yams", package: "Yams"),
            ], swiftSettings: strict),
        .testTarget(
            name: "TLSTests",
            dependencies: [
                "TLS", "Model", crypto, .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .testTarget(
            name: "MusterTests",
            dependencies: ["muster", "Eventually", "Model", "Peers", "PostgresTesting", "Schedule", logging, .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        .testTarget(
            name: "ClusterTests", dependencies: ["muster", "muster-sample", "Eventually", "Model", "PostgresTesting", "SeededRandom"], swiftSettings: strict),
        .testTarget(name: "SampleTests", dependencies: ["muster-sample", "Eventually", "Postgres", "PostgresTesting"], swiftSettings: strict),
    ]
)

// libFuzzer's targets, for `cluster/fuzz` alone: every Swift module has to be built with its instrumentation, in a folder of its own.
if Context.environment["MUSTER_FUZZ"] != nil {
    package.targets += [
        .target(name: "CLibFuzzer", path: "Tests/Fuzzing/CLibFuzzer"),
        .executableTarget(
            name: "muster-fuzz", dependencies: ["CLibFuzzer", "Engine", "Manifests", "Model", "Schedule"], path: "Tests/Fuzzing/muster-fuzz",
            swiftSettings: strict),
    ]
}
