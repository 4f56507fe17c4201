import Synchronization

/// Counts requests and how long they took, by operation.
///
/// The number of series is bounded by the route table: an operation that is not in it counts as `none`, so that no client can grow it.
final class RequestMetrics: Sendable {
    /// Upper bounds in seconds; the last bucket is +Inf. From what a cached read takes to the longest wait that the API allows.
    static let bounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private struct Series {
        var statuses: [Int: Int] = [:]
        var buckets = [Int](repeating: 0, count: RequestMetrics.bounds.count + 1)
        var seconds = 0.0
    }

    private struct State {
        var series: [String: Series] = [:]
        var replayed = 0
        var refusedCredentials = 0
    }

    private let state = Mutex(State())

    func record(operation: String, status: Int, took: Duration) {
        let (whole, fraction) = took.components
        let seconds = Double(whole) + Double(fraction) / 1e18
        let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        self.state.withLock { state in
            state.series[operation, default: Series()].statuses[status, default: 0] += 1
            state.series[operation, default: Series()].buckets[bucket] += 1
            state.series[operation, default: Series()].seconds += seconds
        }
    }

    func recordReplay() { self.state.withLock { $0.replayed += 1 } }
    func recordRefusedCredential() { self.state.withLock { $0.refusedCredentials += 1 } }

    var families: [MetricFamily] {
        self.state.withLock { state in
            var requests: [MetricFamily.Sample] = []
            var durations: [MetricFamily.Sample] = []
            for (operation, series) in state.series.sorted(by: { $0.key < $1.key }) {
                let label = MetricFamily.Label("operation", operation)
                for (status, count) in series.statuses.sorted(by: { $0.key < $1.key }) {
                    requests.append(.init(labels: [label, .init("status", String(status))], Double(count)))
                }
                var sum = 0
                for (index, count) in series.buckets.enumerated() {
                    sum += count
                    let bound = index < Self.bounds.count ? Exposition.number(Self.bounds[index]) : "+Inf"
                    durations.append(.init(suffix: "_bucket", labels: [label, .init("le", bound)], Double(sum)))
                }
                durations.append(.init(suffix: "_sum", labels: [label], series.seconds))
                durations.append(.init(suffix: "_count", labels: [label], Double(sum)))
            }
            return [
                MetricFamily(name: "muster_http_requests_total", help: "Requests answered, by operation and status.", kind: .counter, samples: requests),
                MetricFamily(
                    name: "muster_http_request_duration_seconds", help: "Time from the request's head to its answer.", kind: .histogram,
                    samples: durations),
                .counter("muster_http_replays_total", help: "Answers repeated for an Idempotency-Key that was seen before.", Double(state.replayed)),
                .counter(
                    "muster_http_refused_credentials_total", help: "Requests with a token that was missing, wrong, expired or revoked.",
                    Double(state.refusedCredentials)),
            ]
        }
    }
}
