import Dispatch
import Election
import Model
import Synchronization

/// The highest epoch this node has seen of one shard, on disk: epochs go on rising when the database has forgotten some.
///
/// Writing happens on a queue of its own, since a slow disk must not hold up the beats; only the newest number is kept waiting.
final class EpochFile: Sendable {
    private let file: DurableNumber
    private let queue = DispatchQueue(label: "muster.epoch-file")
    private let pending = Mutex<(epoch: Epoch, failed: @Sendable (String) -> Void)?>(nil)
    /// A number is written after so long. It comes with a takeover, whose first milliseconds belong to the successor's first acts; the row has it, too.
    private static let patience = DispatchTimeInterval.milliseconds(50)

    init(directory: String, shard: String) {
        self.file = DurableNumber(directory: directory, name: "election-\(shard).epoch", meaning: "an epoch")
    }

    /// Reads the number (0 when there is none yet) and proves that it can be written.
    func open() throws(Refusal) -> Epoch { Epoch(try self.file.open()) }

    /// Keeps `epoch`, soon. `failed` is called with words when that doesn't work.
    func record(_ epoch: Epoch, failed: @escaping @Sendable (String) -> Void) {
        let idle = self.pending.withLock { pending in
            defer { pending = (max(pending?.epoch ?? epoch, epoch), failed) }
            return pending == nil
        }
        if idle { self.queue.asyncAfter(deadline: .now() + Self.patience) { self.write() } }
    }

    /// Returns when everything recorded so far has been written.
    func flush() async {
        await withCheckedContinuation { continuation in
            self.queue.async {
                self.write()
                continuation.resume()
            }
        }
    }

    /// On the queue.
    private func write() {
        let newest = self.pending.withLock { pending in
            defer { pending = nil }
            return pending
        }
        guard let newest else { return }
        do throws(Refusal) { try self.file.write(newest.epoch.value) } catch { newest.failed(error.words) }
    }
}
