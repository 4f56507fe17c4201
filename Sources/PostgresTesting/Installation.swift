import Glibc

/// The Postgres programs of this machine and the account that may run them.
public struct Installation: Sendable {
    /// The folder of `initdb`, `postgres`, `pg_ctl`, `psql`, `pg_basebackup`, `pgbench`.
    public let binaries: String
    /// Puts a command under an account that is not root (the server refuses root); empty when we are not root.
    public let asServerAccount: [String]
    /// Who owns the data folder: (user, group).
    let owner: (user: uid_t, group: gid_t)

    /// Looks in PATH, then for Debian's folders, the newest version first.
    public static func find() throws -> Installation {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let candidates = path.split(separator: ":").map(String.init) + Self.debianFolders()
        let needed = ["initdb", "postgres", "pg_ctl", "psql"]
        guard let folder = candidates.first(where: { folder in needed.allSatisfy { Self.isProgram("\(folder)/\($0)") } })
        else {
            throw TestServerError(
                "tests need a Postgres server of their own, and \(needed.joined(separator: ", ")) are neither in PATH "
                    + "nor in /usr/lib/postgresql/*/bin: install the Debian package postgresql-15")
        }
        let (prefix, owner) = try Self.account()
        return Installation(binaries: folder, asServerAccount: prefix, owner: owner)
    }

    /// The absolute path of one of the programs.
    public func program(_ name: String) -> String {
        "\(self.binaries)/\(name)"
    }

    private static func debianFolders() -> [String] {
        let root = "/usr/lib/postgresql"
        let versions = ((try? entries(ofFolder: root)) ?? []).compactMap { Int($0) }
        return versions.sorted(by: >).map { "\(root)/\($0)/bin" }
    }

    private static func isProgram(_ path: String) -> Bool {
        access(path, X_OK) == 0
    }

    private static func account() throws -> (prefix: [String], owner: (uid_t, gid_t)) {
        guard geteuid() == 0 else { return ([], (geteuid(), getegid())) }
        guard let account = getpwnam("postgres") else {
            throw TestServerError(
                "the tests run as root, which Postgres refuses, and there is no account 'postgres' to run it under: "
                    + "install the Debian package postgresql-15 or run the tests as another user")
        }
        guard let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].first(where: Self.isProgram) else {
            throw TestServerError(
                "the tests run as root and setpriv is missing: install the Debian package util-linux or run them as another user")
        }
        let owner = (account.pointee.pw_uid, account.pointee.pw_gid)
        return ([setpriv, "--reuid=\(owner.0)", "--regid=\(owner.1)", "--clear-groups", "--"], owner)
    }
}
