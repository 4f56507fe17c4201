import ArgumentParser
import Engine
import Foundation
import Model

struct ConformanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance", abstract: "Cases of the Kubernetes HPA algorithm, run through this engine.",
        discussion: """
            Each case is given to the functions that decide live, and every field that it expects is compared. Exits 1 when a case fails, 2 when the \
            file holds no cases.

            Example: muster conformance cases.json
            """)
    enum Arithmetic: String, ExpressibleByArgument, CaseIterable { case hpa, exact }

    @Argument(help: "The file of cases, JSON, or - for standard input.")
    var file: String
    @Option(help: "hpa: doubles as the Kubernetes controller has them; exact: integers.")
    var arithmetic = Arithmetic.hpa
    @OptionGroup var output: Output

    func run() async throws {
        let data = self.file == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: self.file)
        guard let data else { throw Failure("\(self.file) can't be read", exitCode: 2) }
        let report: Conformance.Report
        do {
            report = try Conformance.run(try JSON(parsing: data), arithmetic: self.arithmetic == .hpa ? .hpa : .exact)
        } catch {
            throw Failure("\(self.file) is no file of cases: \(error)", exitCode: 2)
        }
        if self.output.format == .name {
            Terminal.write(report.failures.map { Printable.line($0.id) + "\n" }.joined())
        } else {
            Print.value(report.json, self.output.format) { Self.text(report) }
        }
        if report.failed > 0 { throw Failure("", exitCode: 1) }
    }

    /// What failed, the count of each kind, and the summary as the last line.
    private static func text(_ report: Conformance.Report) -> String {
        var text = ""
        for failure in report.failures {
            text += "FAIL \(Printable.line(failure.id)) (\(Printable.line(failure.kind)))\n"
            for problem in failure.problems { text += "     \(Printable.line(problem))\n" }
        }
        if !report.failures.isEmpty { text += "\n" }
        var table = Table(headings: ["KIND", "PASSED", "FAILED"])
        table.rows = report.kinds.map { [Printable.line($0.kind), String($0.count.passed), String($0.count.failed)] }
        return text + table.text(width: nil) + "\n\(report.passed) passed, \(report.failed) failed\n"
    }
}
