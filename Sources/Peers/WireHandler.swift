import NIOCore

/// Sits below TLS: counts what is on the wire, and can cut the connection without TLS's closing words, as the end of a process would.
final class WireHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var context: ChannelHandlerContext?
    /// Since they were last taken.
    private var received = 0
    private var sent = 0

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.received += self.unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.sent += self.unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }

    func takeCounts() -> (received: Int, sent: Int) {
        defer { (self.received, self.sent) = (0, 0) }
        return (self.received, self.sent)
    }

    func cut() { self.context?.close(promise: nil) }
}
