import Glibc
public import Model

/// This machine's boot clock: monotonic, goes on while the machine is suspended.
public enum BootClock {
    /// The time since this machine started; of no meaning on another one, or after a restart.
    public static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
