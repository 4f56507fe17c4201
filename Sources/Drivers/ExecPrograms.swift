import Glibc
import Model

/// The programs that a node offers: the executable files of one directory, by name.
struct ExecPrograms: Sendable {
    let directory: String

    struct Program: Sendable, Hashable {
        var name: String
        var path: String
        var arguments: [String]
    }

    /// The program for a command, which is its file name and its arguments.
    /// - Throws: what is wrong and what to do, without the workload's name. A symbolic link in the directory counts
    ///   as what it leads to.
    func resolve(_ command: [String]) throws(DriverError) -> Program {
        let name = try self.name(of: command)
        let path = self.directory + "/" + name
        let attributes = try self.attributes(of: path, name)
        guard attributes.st_mode & S_IFMT == S_IFREG else {
            throw DriverError(
                code: "exec.program", message: "“\(name)” in \(self.directory) is not a file that can be run")
        }
        guard access(path, X_OK) == 0 else {
            throw DriverError(
                code: "exec.program",
                message:
                    "the program \(path) is not executable for the node's user: chmod +x it (and its directories)"
            )
        }
        return Program(name: name, path: path, arguments: Array(command.dropFirst()))
    }

    private func name(of command: [String]) throws(DriverError) -> String {
        guard let name = command.first, !name.isEmpty else {
            throw DriverError(code: "exec.program", message: "its manifest names no program")
        }
        guard !name.utf8.contains(UInt8(ascii: "/")), name != ".", name != ".." else {
            throw DriverError(
                code: "exec.program",
                message:
                    "“\(name)” is not a plain file name: programs come from the node's directory \(self.directory) only"
            )
        }
        guard !command.contains(where: { $0.utf8.contains(0) }) else {
            throw DriverError(
                code: "exec.program",
                message: "the arguments of its program hold a NUL character, which no program can be given")
        }
        guard self.directory.utf8.first == UInt8(ascii: "/") else {
            throw DriverError(
                code: "exec.directory",
                message: self.directory.isEmpty
                    ? "this node has no directory of programs: name one in its configuration"
                    : "this node's directory of programs, “\(self.directory)”, is no absolute path: correct it"
            )
        }
        return name
    }

    private func attributes(of path: String, _ name: String) throws(DriverError) -> stat {
        var attributes = stat()
        if stat(path, &attributes) == 0 { return attributes }
        let reason = errno
        guard reason == ENOENT || reason == ENOTDIR else {
            throw DriverError(
                code: "exec.program",
                message: "the program \(path) cannot be looked at: \(String(cString: strerror(reason)))")
        }
        var directory = stat()
        guard stat(self.directory, &directory) == 0, directory.st_mode & S_IFMT == S_IFDIR else {
            throw DriverError(
                code: "exec.directory",
                message:
                    "this node's directory of programs, \(self.directory), is missing: make it, or configure another"
            )
        }
        throw DriverError(
            code: "exec.program",
            message:
                "there is no program “\(name)” in \(self.directory) on this node: put it there, on every node alike")
    }

    /// What an operator should know about the programs of a workload.
    func findings(about commands: [[String]], of workload: WorkloadID) -> [DriverFinding] {
        var findings: [DriverFinding] = []
        for command in commands {
            do {
                let program = try self.resolve(command)
                if let finding = Self.writableByOthers(program.path) { findings.append(finding) }
            } catch {
                findings.append(DriverFinding(.error, code: error.code, message: "\(workload): \(error.message)"))
            }
        }
        if let finding = Self.writableByOthers(self.directory) { findings.append(finding) }
        return findings
    }

    private static func writableByOthers(_ path: String) -> DriverFinding? {
        var attributes = stat()
        guard stat(path, &attributes) == 0, attributes.st_mode & S_IWOTH != 0 else { return nil }
        return DriverFinding(
            .warning, code: "exec.writable",
            message: "everybody may change \(path), and so run programs as the node's user: chmod o-w it")
    }
}
