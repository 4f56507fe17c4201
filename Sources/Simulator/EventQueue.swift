/// What is to happen, by time; at the same time in the order in which it was put in.
///
/// A binary heap of small keys; the events themselves stay where they were put.
struct EventQueue<Event> {
    private struct Key {
        var at: Int64
        var order: UInt32
        var slot: Int32

        func precedes(_ other: Key) -> Bool { self.at != other.at ? self.at < other.at : self.order < other.order }
    }

    private var heap: [Key] = []
    private var events: [Event?] = []
    private var free: [Int32] = []
    private var order: UInt32 = 0

    var nextAt: Int64? { self.heap.first?.at }

    mutating func insert(_ event: Event, at time: Int64) {
        let slot: Int32
        if let reused = self.free.popLast() {
            slot = reused
            self.events[Int(slot)] = event
        } else {
            slot = Int32(self.events.count)
            self.events.append(event)
        }
        self.order += 1
        self.heap.append(Key(at: time, order: self.order, slot: slot))
        self.rise(self.heap.count - 1)
    }

    /// The earliest; nil when nothing is left.
    mutating func pop() -> (at: Int64, event: Event)? {
        guard let first = self.heap.first, let last = self.heap.popLast() else { return nil }
        if !self.heap.isEmpty {
            self.heap[0] = last
            self.sink(0)
        }
        guard let event = self.events[Int(first.slot)].take() else { return nil }
        self.free.append(first.slot)
        return (first.at, event)
    }

    private mutating func rise(_ start: Int) {
        var index = start
        let key = self.heap[index]
        while index > 0 {
            let parent = (index - 1) / 2
            guard key.precedes(self.heap[parent]) else { break }
            self.heap[index] = self.heap[parent]
            index = parent
        }
        self.heap[index] = key
    }

    private mutating func sink(_ start: Int) {
        var index = start
        let key = self.heap[index]
        while true {
            var child = 2 * index + 1
            guard child < self.heap.count else { break }
            if child + 1 < self.heap.count, self.heap[child + 1].precedes(self.heap[child]) { child += 1 }
            guard self.heap[child].precedes(key) else { break }
            self.heap[index] = self.heap[child]
            index = child
        }
        self.heap[index] = key
    }
}
