internal import Model
import Synchronization

/// Workloads whose program had to be stopped the last time.
final class SlowWorkloads: Sendable {
    private let known = Mutex<Set<WorkloadID>>([])

    /// Past it all are forgotten, which costs the others one wait.
    private static let most = 4096

    func contain(_ workload: WorkloadID) -> Bool { self.known.withLock { $0.contains(workload) } }

    func note(_ workload: WorkloadID, _ ending: ProgramRun.Ending) {
        self.known.withLock { known in
            switch ending {
            case .timedOut, .unkillable:
                if known.count >= Self.most { known.removeAll() }
                known.insert(workload)
            // It was not run, or not to its end.
            case .notTried, .withheld, .cancelled: break
            case .exited, .signalled, .notStarted: known.remove(workload)
            }
        }
    }
}
