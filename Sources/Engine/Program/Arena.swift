/// Keeps runs of values that nothing changes, for as long as it lives.
///
/// They are no arrays: each use of an array counts a reference to it, which takes longer than most steps of an evaluation, and cores that count references to
/// the same one wait for each other. Whoever reads a run must hold the arena.
final class Arena {
    private var free: [() -> Void] = []

    /// Two lines of a processor's cache, since some fetch lines in pairs: what one core writes to must not share one with what another reads.
    static let alignment = 128

    func keep<Value>(_ values: [Value]) -> UnsafeBufferPointer<Value> {
        guard !values.isEmpty else { return UnsafeBufferPointer(start: nil, count: 0) }
        let room = Self.allocate(Value.self, values.count)
        let run = UnsafeMutableBufferPointer(start: room, count: values.count)
        _ = run.initialize(from: values)
        self.free.append {
            run.deinitialize()
            room.deallocate()
        }
        return UnsafeBufferPointer(run)
    }

    /// Room in lines of its own; it has to be deallocated.
    static func allocate<Value>(_ type: Value.Type, _ count: Int) -> UnsafeMutablePointer<Value> {
        // What is left of the last line stays empty.
        let lines = count * MemoryLayout<Value>.stride / Self.alignment + 1
        return UnsafeMutableRawPointer.allocate(byteCount: lines * Self.alignment, alignment: Self.alignment).bindMemory(to: type, capacity: count)
    }

    deinit { for free in self.free { free() } }
}
