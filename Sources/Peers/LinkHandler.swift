import Membership
import NIOCore
import TLS

/// Sits above TLS: cuts plaintext into frames, and tells the mesh. It decides nothing but whether bytes are a frame.
final class LinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let mesh: PeerMesh
    private let number: Int
    private var decoder = FrameDecoder()
    private var isOver = false

    init(_ mesh: PeerMesh, _ number: Int) {
        self.mesh = mesh
        self.number = number
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSEstablished {
            let number = self.number
            self.mesh.assumeIsolated { $0.established(number, event.peer) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else { return }
        let number = self.number
        do throws(FrameDecoder.Failure) {
            let frames = try self.decoder.append(self.unwrapInboundIn(data).readableBytesView)
            let isPartial = self.decoder.buffered > 0
            self.mesh.assumeIsolated { $0.received(number, frames, isPartial: isPartial) }
        } catch {
            self.isOver = true
            self.mesh.assumeIsolated { $0.giveUp(number, PeerEnding(.badFrame, error.description)) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.isOver = true
        let (number, ending) = (self.number, PeerEnding(error))
        self.mesh.assumeIsolated { $0.giveUp(number, ending) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isOver = true
        let number = self.number
        let isPartial = self.decoder.buffered > 0
        self.mesh.assumeIsolated { $0.gone(number, isPartial: isPartial) }
        context.fireChannelInactive()
    }
}
