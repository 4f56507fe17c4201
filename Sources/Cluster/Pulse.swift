import Glibc
import Supervision

/// The way to this process's supervisor: one end of a pipe, which the supervisor left open for it.
///
/// Nothing here ever waits: a pipe that is full holds more signs than the supervisor needs.
public final class Pulse: Sendable {
    private let descriptor: CInt

    /// Takes the descriptor over.
    public init(descriptor: CInt) {
        // Programs that this process starts have no part in it.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        self.descriptor = descriptor
    }

    deinit { close(self.descriptor) }

    func say(_ sign: Sign) {
        var byte = sign.rawValue
        _ = write(self.descriptor, &byte, 1)
    }

    /// Whether somebody still has the other end. The kernel closes it when the supervisor ends, however it ends.
    public var isHeard: Bool {
        var end = pollfd(fd: self.descriptor, events: 0, revents: 0)
        return poll(&end, 1, 0) == 0
    }
}
