import ArgumentParser
import Foundation
import Glibc

/// The one binary: a node, and the command line that talks to any node.
@main
struct Muster: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "muster", abstract: "A highly available autoscaling coordinator.",
        discussion: """
            Commands talk HTTPS to any node: --url, --token and --ca, or MUSTER_URL, MUSTER_TOKEN and MUSTER_CA.

            Exit codes: 0 ok, 1 failed, 2 usage or refused, 3 partly or differs, 4 not signed in or not allowed, 5 no leader or unreachable.

            Example: muster status
            """, version: NodeRuntime.version,
        subcommands: [
            StatusCommand.self, GetCommand.self, ExplainCommand.self, ApplyCommand.self, DiffCommand.self, LintCommand.self, ExportCommand.self,
            ImportCommand.self, EvaluateCommand.self, ConformanceCommand.self, ScaleCommand.self, PauseCommand.self, ResumeCommand.self,
            ApproveCommand.self, RejectCommand.self,
            EnableCommand.self, DisableCommand.self,
            LeaderCommand.self, AuditCommand.self, TokenCommand.self, DoctorCommand.self, NodeCommand.self, ClusterCommand.self, CACommand.self,
        ])

    static func main() async {
        // A peer that closes its socket is an error of that write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try Self.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand { try await asynchronous.run() } else { try command.run() }
            Self.end(0)
        } catch let failure as Failure {
            if !failure.description.isEmpty { Terminal.complain(failure.description) }
            Self.end(failure.exitCode)
        } catch {
            let code = Self.exitCode(for: error)
            // Usage errors are the parser's to word; everything else is told in one line.
            if code == .success || code == .validationFailure || error is CleanExit || error is ExitCode { Self.exitWithUsageCode(error) }
            Terminal.complain("\(error)")
            Self.end(1)
        }
    }

    /// The parser's own code for usage errors is 64; ours is 2, as documented.
    private static func exitWithUsageCode(_ error: any Error) -> Never {
        let code = Self.exitCode(for: error)
        let text = Self.fullMessage(for: error)
        if code == .success {
            if !text.isEmpty { Terminal.write(HelpText.endingWithExample(text) + "\n") }
            Self.end(0)
        }
        if let exit = error as? ExitCode { Self.end(exit.rawValue) }
        Terminal.complain(text, prefix: "")
        Self.end(2)
    }

    /// Ends the process here and now, without what libraries have left for its end: threads run to the very last (links, sessions, the API), and OpenSSL's
    /// exit handler frees locks that they use; a node that had ended in order crashed on one. Nothing of ours waits in a buffer.
    static func end(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }
}
