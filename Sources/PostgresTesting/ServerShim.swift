import Glibc

/// A server's wall clock and disk, as a test wants them: a library that the server loads before all others.
///
/// The clock adds so many seconds to what the system says; only the clock moves, timers run on. A stalled disk takes no data in: whoever asks for its
/// confirmation waits. All processes of the server see the same, since what is wanted stands in a file that all have in their memory.
public struct ServerShim: Sendable {
    private let folder: String
    private var library: String { "\(self.folder)/shim.so" }
    private var wanted: String { "\(self.folder)/wanted" }

    /// What the server is started with.
    public var environment: [String: String] { ["LD_PRELOAD": self.library, "MUSTER_TEST_SHIM": self.wanted] }

    /// What the library is made with; nil: there is none here.
    public static let compiler: String? = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang", "/usr/local/bin/cc"].first { access($0, X_OK) == 0 }

    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static const int64_t none[2];
        static const volatile int64_t *wanted = none;

        __attribute__((constructor)) static void begin(void) {
            const char *path = getenv("MUSTER_TEST_SHIM");
            int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
            if (file < 0) return;
            void *page = mmap(0, sizeof none, PROT_READ, MAP_SHARED, file, 0);
            if (page != MAP_FAILED) wanted = page;
            close(file);
        }

        static void wait_for_disk(void) {
            struct timespec pause = {0, 2000000};
            while (wanted[1]) syscall(SYS_nanosleep, &pause, NULL);
        }

        int fsync(int file) {
            wait_for_disk();
            return (int)syscall(SYS_fsync, file);
        }

        int fdatasync(int file) {
            wait_for_disk();
            return (int)syscall(SYS_fdatasync, file);
        }

        int gettimeofday(struct timeval *restrict now, void *restrict zone) {
            int result = (int)syscall(SYS_gettimeofday, now, zone);
            if (now) now->tv_sec += wanted[0];
            return result;
        }

        int clock_gettime(clockid_t clock, struct timespec *now) {
            int result = (int)syscall(SYS_clock_gettime, clock, now);
            if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += wanted[0];
            return result;
        }

        time_t time(time_t *where) {
            struct timespec now;
            syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
            time_t seconds = now.tv_sec + wanted[0];
            if (where) *where = seconds;
            return seconds;
        }

        """

    /// Compiles it; blocks for some tenths of a second.
    public init() throws {
        guard let compiler = Self.compiler else { throw TestServerError("no C compiler: install the Debian package gcc") }
        self.folder = try Self.makeFolder()
        try writeFile("\(self.folder)/shim.c", Self.source)
        try writeFile(self.wanted, String(repeating: "\0", count: 16))
        try Command(
            arguments: [compiler, "-shared", "-fPIC", "-O2", "-o", self.library, "\(self.folder)/shim.c"], outputPath: "\(self.folder)/out",
            workingDirectory: self.folder
        ).run()
        chmod(self.library, 0o755)
    }

    /// The server runs under another account than root.
    private static func makeFolder() throws -> String {
        var template = Array("/tmp/muster-shim-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestServerError("cannot make a folder in /tmp: \(String(cString: strerror(errno)))") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(folder, 0o755)
        return folder
    }

    /// The server's clock from now on, in seconds from the true time.
    public func move(to offset: Int64) throws { try self.want(offset, at: 0) }

    /// While it is stalled, every process of the server waits that asks the disk for a confirmation.
    public func stall(_ stalled: Bool) throws { try self.want(stalled ? 1 : 0, at: 8) }

    /// In place: the server has the file's page in its memory.
    private func want(_ value: Int64, at place: Int) throws {
        let file = open(self.wanted, O_WRONLY | O_CLOEXEC)
        defer { close(file) }
        let written = withUnsafeBytes(of: value) { pwrite(file, $0.baseAddress, $0.count, place) }
        guard written == 8 else { throw TestServerError("cannot write \(self.wanted): \(String(cString: strerror(errno)))") }
    }

    public func remove() {
        for name in (try? entries(ofFolder: self.folder)) ?? [] { unlink("\(self.folder)/\(name)") }
        rmdir(self.folder)
    }
}

/// A small file system in memory, for a disk that is full soon. Root only.
public struct SmallDisk: Sendable {
    /// Where it is mounted.
    public let path: String

    /// Tried once, by mounting one.
    public static let isPossible: Bool = {
        guard geteuid() == 0, let disk = try? SmallDisk(megabytes: 1) else { return false }
        disk.unmount()
        return true
    }()

    /// - Parameter owner: nil leaves it to the caller's account.
    public init(megabytes: Int, ownedBy owner: Installation? = nil) throws {
        var template = Array("/tmp/muster-disk-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestServerError("cannot make a folder in /tmp: \(String(cString: strerror(errno)))") }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard mount("tmpfs", self.path, "tmpfs", 0, "size=\(megabytes)m,mode=0755") == 0 else {
            let reason = String(cString: strerror(errno))
            rmdir(self.path)
            throw TestServerError("no file system can be mounted: \(reason)")
        }
        if let owner { chown(self.path, owner.owner.user, owner.owner.group) }
    }

    /// What still uses it keeps it.
    public func unmount() {
        // Lazily: whoever still has a file open there keeps it, and nobody else sees it.
        umount2(self.path, Int32(MNT_DETACH))
        rmdir(self.path)
    }
}

private func writeFile(_ path: String, _ text: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw TestServerError("cannot write \(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    guard write(descriptor, text, text.utf8.count) == text.utf8.count else {
        throw TestServerError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
}
