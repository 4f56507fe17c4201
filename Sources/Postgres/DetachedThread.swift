internal import Glibc

/// A thread of the system that ends with its body; nobody waits for it.
package enum DetachedThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a thread of its own.
    /// - Returns: 0, or the errno for which there is no thread to be had; then `body` never runs.
    package static func start(_ body: @escaping @Sendable () -> Void) -> CInt {
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(Body(body))
        let failure = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        if failure == 0 { pthread_detach(thread) } else { retained.release() }
        return failure
    }
}
