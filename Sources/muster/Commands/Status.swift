import ArgumentParser

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Leader, epoch, nodes, what is moving and why.",
        discussion:
            "--watch shows it anew every second until q or Ctrl-C; without a terminal, or with -o json, it prints one line of JSON each time.\n\nExample: muster status --watch"
    )
    @Flag(help: "Show it anew every second until interrupted.") var watch = false
    @OptionGroup var connect: Connect
    @OptionGroup var output: Output

    func run() async throws {
        let client = try self.connect.client()
        if self.watch { return try await Watch(client: client).run(onTerminal: Terminal.isInteractive && self.output.format == .table) }
        let status = try await client.get("/v1/status")
        Print.value(status, self.output.format) { StatusView(status: status).text }
    }
}
