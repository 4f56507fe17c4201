import Glibc
import Model

/// Finds the value that a reference stands for, anew each time: a file that was replaced counts from the next reading
/// on.
enum Secrets {
    struct Missing: Error, Sendable, Hashable {
        /// What is missing where, and what to do.
        var message: String
    }

    /// Longest secret, in bytes: a password, or a key; a longer file is another file.
    static let maximumLength = 16 * 1024

    static func resolve(_ reference: SecretReference) throws(Missing) -> String {
        switch reference {
        case .environment(let name):
            guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else {
                throw Missing(
                    message:
                        "this node's environment has no variable “\(name)”: set it for its service and restart the node"
                )
            }
            return value
        case .file(let path): return try Self.contents(ofFile: path)
        }
    }

    private static func contents(ofFile path: String) throws(Missing) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw Missing(
                message:
                    "the secret's file \(path) cannot be read on this node (\(String(cString: strerror(errno)))): "
                    + "put it there, readable for the node's user"
            )
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.maximumLength + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                throw Missing(
                    message:
                        "the secret's file \(path) cannot be read on this node: \(String(cString: strerror(errno)))")
            }
            if got == 0 { break }
            count += got
        }
        guard count <= Self.maximumLength else {
            throw Missing(
                message:
                    "the file \(path) has more than \(Self.maximumLength) bytes, it is no secret: correct the path"
            )
        }
        var value = bytes[..<count]
        if value.last == 0x0A { value.removeLast() }
        if value.last == 0x0D { value.removeLast() }
        guard !value.isEmpty, !value.contains(0), let text = String(validating: value, as: UTF8.self) else {
            throw Missing(
                message:
                    "the secret's file \(path) is \(value.isEmpty ? "empty" : "not text"): write the secret into it")
        }
        return text
    }
}
