import Foundation
import Glibc
import Testing

/// A wall clock for a Postgres server that a test can move: a library that the server loads before all others and that adds so many seconds, which stand in
/// a file, to what the system says. All its processes see the same clock, and only the clock moves: timers run on.
struct ClockShim: Sendable {
    private let folder: String
    private var library: String { "\(self.folder)/clock.so" }
    private var seconds: String { "\(self.folder)/seconds" }

    /// What the server is started with.
    var environment: [String: String] { ["LD_PRELOAD": self.library, "MUSTER_TEST_CLOCK": self.seconds] }

    static let compiler: String? = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang", "/usr/local/bin/cc"].first { access($0, X_OK) == 0 }

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

        static const int64_t none = 0;
        static const volatile int64_t *moved = &none;

        __attribute__((constructor)) static void begin(void) {
            const char *path = getenv("MUSTER_TEST_CLOCK");
            int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
            if (file < 0) return;
            void *page = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
            if (page != MAP_FAILED) moved = page;
            close(file);
        }

        int gettimeofday(struct timeval *restrict now, void *restrict zone) {
            int result = (int)syscall(SYS_gettimeofday, now, zone);
            if (now) now->tv_sec += *moved;
            return result;
        }

        int clock_gettime(clockid_t clock, struct timespec *now) {
            int result = (int)syscall(SYS_clock_gettime, clock, now);
            if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += *moved;
            return result;
        }

        time_t time(time_t *where) {
            struct timespec now;
            syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
            time_t seconds = now.tv_sec + *moved;
            if (where) *where = seconds;
            return seconds;
        }

        """

    init() async throws {
        self.folder = try temporaryFolder("clock")
        try write(Self.source, to: "\(self.folder)/clock.c")
        try Data(repeating: 0, count: 8).write(to: URL(fileURLWithPath: "\(self.folder)/seconds"))
        let compiler = try #require(Self.compiler, "no C compiler")
        let ran = try await Ran.program(compiler, ["-shared", "-fPIC", "-O2", "-o", "\(self.folder)/clock.so", "\(self.folder)/clock.c"])
        try #require(ran.status == 0, "\(ran)")
    }

    /// The server's clock from now on, in seconds from the true time.
    func move(to offset: Int64) throws {
        let file = open(self.seconds, O_WRONLY | O_CLOEXEC)
        defer { close(file) }
        // In place: the server has the file's page in its memory.
        let written = withUnsafeBytes(of: offset) { pwrite(file, $0.baseAddress, $0.count, 0) }
        try #require(written == 8, "the clock's file can't be written")
    }

    func remove() { try? FileManager.default.removeItem(atPath: self.folder) }
}
