import Glibc
import Membership
import NIOCore
import NIOPosix
import TLS

/// Why a connection, a link or a message was refused or given up: the labels of metrics, and what log lines are limited by.
public enum PeerFault: String, Sendable, Hashable, CaseIterable {
    // Before anything was said.
    case tooManyUnauthenticated
    case tooManyFromAddress
    // In the handshake.
    case handshakeTimeout
    case handshakeCut
    /// Plain text, noise, or TLS that makes no sense.
    case notTLS
    /// TLS before 1.3.
    case oldTLS
    case otherProtocol
    case noCertificate
    case untrusted
    /// Not exactly one name of a node, or not for this use.
    case badIdentity
    case otherCluster
    case otherNode
    case ownName
    case notAMember
    case denied
    /// The other side refused this node.
    case refusedByPeer
    // Of a dial.
    case unreachable
    // Of an open link.
    case badFrame
    case unfinishedFrame
    case badMessage
    case tooManyMessages
    case takesNothing
    case idle
    case reset
    case authorityRemoved
    case expired
    /// This node's own OpenSSL, or its own certificate.
    case own
}

/// How something ended, for the counters, for people, and for the machine.
struct PeerEnding: Error {
    /// nil: an end in order, or one that is no one's fault.
    var fault: PeerFault?
    var end: LinkEnd
    var text: String

    static let ended = PeerEnding(fault: nil, end: .ended, text: "the other side closed the link")

    init(fault: PeerFault?, end: LinkEnd, text: String) {
        self.fault = fault
        self.end = end
        self.text = text
    }

    /// Rejected, with that reason.
    init(_ fault: PeerFault, _ text: String) {
        self.init(fault: fault, end: .rejected(text), text: text)
    }

    /// What an error of a channel or a dial means.
    init(_ error: any Error) {
        switch error {
        case let ending as PeerEnding: self = ending
        case let error as TLSError: self.init(tls: error)
        case let error as IOError: self.init(errno: error.errnoCode, text: error.description)
        case let error as NIOConnectionError: self.init(connection: error)
        case ChannelError.connectTimeout: self.init(fault: .unreachable, end: .timedOut, text: "the connection timed out")
        default: self.init(.unreachable, "\(error)")
        }
    }

    private init(errno code: CInt, text: String) {
        switch code {
        case ECONNREFUSED: self.init(fault: .unreachable, end: .refused, text: "the connection was refused")
        case ECONNRESET, EPIPE: self.init(fault: .reset, end: .reset, text: "the connection was reset")
        case ETIMEDOUT: self.init(fault: .unreachable, end: .timedOut, text: "the connection timed out")
        default: self.init(.unreachable, text)
        }
    }

    /// Several addresses of one name were tried. Only when each was refused does a machine say that nobody listens.
    private init(connection error: NIOConnectionError) {
        let endings = error.connectionErrors.map { PeerEnding($0.error) }
        guard let first = endings.first else {
            self.init(.unreachable, "the name “\(error.host)” leads to no address: \(error)")
            return
        }
        let refused = endings.allSatisfy { $0.end == .refused }
        self = refused ? first : endings.first { $0.end != .refused } ?? first
    }

    private init(tls error: TLSError) {
        switch error {
        case .handshakeTimeout: self.init(fault: .handshakeTimeout, end: .timedOut, text: error.description)
        case .truncated(inHandshake: true): self.init(fault: .handshakeCut, end: .ended, text: error.description)
        // A process that ended without a word: its machine closed the connection for it.
        case .truncated(inHandshake: false): self.init(fault: .reset, end: .ended, text: error.description)
        case .protocolFailure(_, let alert): self.init(alert?.rawValue == 70 ? .oldTLS : .notTLS, error.description)
        case .refusedByPeer: self.init(.refusedByPeer, error.description)
        case .backlogExceeded: self.init(.takesNothing, error.description)
        case .closed, .library: self.init(.own, error.description)
        case .peerRefused(let refusal, _): self.init(PeerFault(refusal), error.description)
        }
    }
}

extension PeerFault {
    init(_ refusal: PeerRefusal) {
        self =
            switch refusal {
            case .noCertificate: .noCertificate
            case .untrusted: .untrusted
            case .noIdentity, .severalIdentities, .malformedIdentity, .wrongUsage, .isAuthority: .badIdentity
            case .otherCluster: .otherCluster
            case .otherNode: .otherNode
            case .ownName: .ownName
            case .notAMember: .notAMember
            case .denied: .denied
            case .otherProtocol: .otherProtocol
            case .authorityRemoved: .authorityRemoved
            case .expired: .expired
            }
    }
}
