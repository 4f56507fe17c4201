import Glibc
import Model

/// This machine's boot clock: monotonic, goes on while the machine is suspended.
enum BootClock {
    static func now() -> Instant {
        let time = Self.read(CLOCK_BOOTTIME)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Wall time: told to peers so that they can compare clocks; nothing is decided by it.
    static func wall() -> WallTime {
        let time = Self.read(CLOCK_REALTIME)
        return WallTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
