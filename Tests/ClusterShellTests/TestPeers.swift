import Cluster
import Membership
import Model
import Synchronization

/// Carries the election's messages between nodes of one process, and remembers them. A node that is not connected is not there.
final class TestPeers: Sendable {
    private struct State {
        var nodes: [String: Leadership] = [:]
        var messages: [PeerMessage] = []
        var sequence: UInt64 = 0
    }
    private let state = Mutex(State())
    private let names: [String]

    init(_ names: [String]) { self.names = names }

    var messages: [PeerMessage] { self.state.withLock(\.messages) }

    func channel(of node: String) -> PeerChannel {
        PeerChannel(
            post: { body, to, request in self.carry(body, from: node, to: to, request: request) },
            others: { self.names.filter { $0 != node } },
            reachable: { self.state.withLock { state in self.names.filter { $0 != node && state.nodes[$0] != nil } } })
    }

    func connect(_ node: String, _ leadership: Leadership) { self.state.withLock { $0.nodes[node] = leadership } }
    func cut(_ node: String) { self.state.withLock { $0.nodes[node] = nil } }

    private func carry(_ body: PeerMessage.Body, from: String, to: String, request: UInt64) {
        let (sender, receiver, message) = self.state.withLock { state in
            state.sequence += 1
            let message = PeerMessage(
                from: from, to: to, bootID: from, incarnation: 1, sequence: state.sequence, requestID: request, sentMono: 0,
                wall: WallTime(microseconds: 0), body: body)
            state.messages.append(message)
            return (state.nodes[from], state.nodes[to], message)
        }
        if let receiver, sender != nil { receiver.received(message) } else { sender?.nobodyListens(at: to, dialledAt: BootClock.now()) }
    }
}
