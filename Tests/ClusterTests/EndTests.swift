import Foundation
import Glibc
import PostgresTesting
import Testing

extension WholeClusters.Leaders {
    /// A library that tells of a process which runs what libraries have left for its end, as OpenSSL does: it frees the locks that threads of a node use.
    private static let witness = """
        #include <fcntl.h>
        #include <stdlib.h>
        #include <unistd.h>

        static void tell(void) {
            const char *path = getenv("MUSTER_TEST_WITNESS");
            if (path) close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        }

        __attribute__((constructor)) static void begin(void) { atexit(tell); }

        """

    @Test(
        "a node ends, and a command, without taking libraries down beneath threads that still run",
        .enabled(if: ServerShim.compiler != nil, "needs a C compiler, for a library that tells of it"))
    func end() async throws {
        let cluster = try TestCluster.current
        try await Platform(cluster: cluster).prepare()
        let folder = try temporaryFolder("witness")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write(Self.witness, to: "\(folder)/witness.c")
        let made = try await Ran.program(
            try #require(ServerShim.compiler), ["-shared", "-fPIC", "-o", "\(folder)/witness.so", "\(folder)/witness.c"])
        try #require(made.status == 0, "\(made)")
        let told = "\(folder)/told"
        let environment = ["LD_PRELOAD": "\(folder)/witness.so", "MUSTER_TEST_WITNESS": told]
        let seen = try await Ran.program("/bin/cat", ["/dev/null"], environment: environment)
        try #require(seen.status == 0 && FileManager.default.fileExists(atPath: told), "the witness sees nothing: \(seen)")
        try FileManager.default.removeItem(atPath: told)

        for (arguments, status) in [
            (["--version"], 0), (["node", "run", "--help"], 0), (["nonsense"], 2), (["status", "--url", "https://127.0.0.1:1", "--token", "none"], 5),
            (["doctor", "--config", cluster.configuration("a")], 0), (["node", "run", "--config", "\(folder)/none.yaml"], 1),
        ] as [([String], Int32)] {
            let ran = try await Ran.program(Programs.muster, arguments, environment: environment)
            #expect(ran.status == status, "\(ran)")
            #expect(!FileManager.default.fileExists(atPath: told), "\(ran)")
            try? FileManager.default.removeItem(atPath: told)
        }

        let node = try await cluster.follower()
        try await cluster.stop(node)
        let child = try cluster.start(node, environment: environment)
        try await cluster.ready(node)
        try await cluster.stop(node)
        let status = await child.ended
        #expect(status == 0, "\(cluster.log(node).suffix(2000))")
        #expect(!FileManager.default.fileExists(atPath: told))
        try cluster.start(node)
        try await cluster.ready(node)
    }
}
