import ArgumentParser
import Foundation
import Model
import TLS

struct CACommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca", abstract: "Certificates.",
        discussion: "Example: muster ca issue --ca /etc/muster --cluster prod --node a --hosts a.internal,10.0.0.1 --out /etc/muster/a",
        subcommands: [Issue.self, Renew.self, Rotate.self, Deny.self, Allow.self, Denied.self])

    struct Issue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A node’s certificates: its identity towards other nodes, and HTTPS.",
            discussion: "Example: muster ca issue --ca /etc/muster --cluster prod --node a --hosts a.internal,10.0.0.1 --out /etc/muster/a")
        @Option(name: .customLong("ca"), help: "The folder with ca.pem and ca.key.") var authority: String
        @Option(help: "The cluster’s name.") var cluster: String
        @Option(help: "The node’s name.") var node: String
        @Option(help: "Host names and addresses of its API, with commas.") var hosts: String
        @Option(name: .customLong("for"), help: "How long they are valid.") var lifetime = "90d"
        @Option(help: "Where they go.") var out: String

        func run() async throws {
            for (option, name) in [("--cluster", self.cluster), ("--node", self.node)] {
                if let objection = ManifestName.objection(to: name) { throw Failure("\(option): \(objection)", exitCode: 2) }
            }
            let hosts = self.hosts.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            let files = NodeCertificates(folder: self.out)
            try files.issue(
                by: try AuthorityFiles(folder: self.authority).load(), cluster: self.cluster, node: self.node, hosts: hosts,
                lifetime: try NodeCertificates.lifetime(self.lifetime))
            Terminal.talk("\(self.out): node.pem identifies spiffe://\(self.cluster)/node/\(self.node), api.pem serves \(self.hosts)")
        }
    }

    struct Renew: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "New certificates and keys for the names that a node’s present ones have.",
            discussion: """
                The node takes its new identity by itself within seconds, without a restart; HTTPS takes the new certificate at the next start.

                Example: muster ca renew --ca /etc/muster --in /etc/muster/a
                """)
        @Option(name: .customLong("ca"), help: "The folder with ca.pem and ca.key.") var authority: String
        @Option(name: .customLong("in"), help: "The folder that “ca issue” wrote.") var folder: String
        @Option(name: .customLong("for"), help: "How long they are valid.") var lifetime = "90d"

        func run() async throws {
            let files = NodeCertificates(folder: self.folder)
            let present = try files.names()
            try files.issue(
                by: try AuthorityFiles(folder: self.authority).load(), cluster: present.cluster, node: present.node, hosts: present.hosts,
                lifetime: try NodeCertificates.lifetime(self.lifetime))
            Terminal.talk("\(self.folder): renewed for \(present.node) (\(present.hosts.joined(separator: ","))), valid for \(self.lifetime)")
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace the authority of a running cluster, in two steps, without an interruption.",
            discussion: """
                The first run makes a new authority, which signs from then on; ca.pem holds both, and every node has to have it before a certificate is
                renewed. The last one, with --finish, takes the old authority out of ca.pem. --plan says what is next and changes nothing.

                Example: muster ca rotate --ca /etc/muster --plan
                """)
        @Option(name: .customLong("ca"), help: "The folder with ca.pem and ca.key.") var authority: String
        @Option(help: "The cluster’s name, for the new authority.") var cluster: String?
        @Flag(help: "Take the old authority out: no node uses a certificate of it any more.") var finish = false
        @Flag(help: "Say what is next and change nothing.") var plan = false

        func run() async throws {
            let files = AuthorityFiles(folder: self.authority)
            let authority = try files.load()
            let signing = try AuthorityBundle(pem: authority.certificate).entries.map(\.fingerprint)
            let retired = authority.bundle.entries.filter { !signing.contains($0.fingerprint) }
            if self.plan { return self.tell(authority, retired) }
            if self.finish {
                guard !retired.isEmpty else { throw Failure("\(self.authority)/ca.pem holds one authority only: no rotation is under way") }
                var bundle = authority.bundle
                for entry in retired { bundle = try bundle.removing(entry.fingerprint) }
                try Files.write(bundle.pem, to: files.certificate)
                Terminal.talk("ca.pem trusts the new authority alone; copy it to every node: they take it within seconds")
                return
            }
            guard retired.isEmpty else {
                throw Failure("a rotation is under way: ca.pem holds \(authority.bundle.entries.count) authorities. See: muster ca rotate --plan")
            }
            guard let cluster = self.cluster else { throw Failure("--cluster is missing: the name goes into the new authority’s", exitCode: 2) }
            if let objection = ManifestName.objection(to: cluster) { throw Failure("--cluster: \(objection)", exitCode: 2) }
            let succession = try CertificateAuthority.succession(of: authority.bundle, cluster: cluster)
            // The old key first: without it nothing could go back.
            try Files.writeSecret(try Files.read(files.key), to: "\(files.key).previous")
            try Files.write(succession.overlap.pem, to: files.certificate)
            try Files.writeSecret(succession.successor.key, to: files.key)
            Terminal.talk("a new authority signs from now on; the old key is \(files.key).previous")
            self.tell(try files.load(), succession.retired)
        }

        private func tell(_ authority: CertificateAuthority, _ retired: [AuthorityBundle.Entry]) {
            for entry in authority.bundle.entries {
                let isOld = retired.contains { $0.fingerprint == entry.fingerprint }
                let until = WallTime(microseconds: entry.notAfter * 1_000_000)
                Terminal.talk("\(isOld ? "retiring" : "signing ") \(entry.name), until \(until), \(entry.fingerprint.prefix(16))")
            }
            if retired.isEmpty {
                Terminal.talk("next: muster ca rotate --ca \(self.authority) --cluster NAME")
            } else {
                Terminal.talk(
                    """
                    next: copy ca.pem to every node, and wait until “muster get nodes” shows all of them alive
                    then: muster ca renew --ca \(self.authority) --in FOLDER for each node; restart the nodes one by one for HTTPS
                    last: muster ca rotate --ca \(self.authority) --finish, and copy ca.pem to every node again
                    """)
            }
        }
    }
}

/// The authority's two files.
private struct AuthorityFiles {
    var folder: String
    var certificate: String { "\(self.folder)/ca.pem" }
    var key: String { "\(self.folder)/ca.key" }

    func load() throws -> CertificateAuthority {
        try CertificateAuthority(certificate: try Files.read(self.certificate), key: try Files.read(self.key))
    }
}

/// The five files of a node.
private struct NodeCertificates {
    var folder: String

    static func lifetime(_ text: String) throws -> Duration {
        guard let lifetime = Duration(text: text), (.seconds(60)...CertificateAuthority.authorityLifetime).contains(lifetime) else {
            throw Failure("--for “\(text)” is not a duration between 1m and 3650d, such as 90d", exitCode: 2)
        }
        return lifetime
    }

    /// Everything is issued before the first file changes.
    func issue(by authority: CertificateAuthority, cluster: String, node: String, hosts: [String], lifetime: Duration) throws {
        let identity = try authority.issueNode(cluster: cluster, node: node, lifetime: lifetime)
        let api = try authority.issueServer(hosts: hosts, lifetime: lifetime)
        try Files.directory(self.folder)
        // A node that looks in between finds a key that does not fit, keeps what it has, and looks again.
        try Files.write(authority.bundle.pem, to: "\(self.folder)/ca.pem")
        try Files.writeSecret(identity.key, to: "\(self.folder)/node.key")
        try Files.write(identity.certificate, to: "\(self.folder)/node.pem")
        try Files.writeSecret(api.key, to: "\(self.folder)/api.key")
        try Files.write(api.certificate, to: "\(self.folder)/api.pem")
    }

    /// What the present certificates say.
    func names() throws -> (cluster: String, node: String, hosts: [String]) {
        let identity = try CertificateFiles.names(in: "\(self.folder)/node.pem")
        let api = try CertificateFiles.names(in: "\(self.folder)/api.pem")
        guard identity.uris.count == 1, let parts = PeerName(uri: identity.uris[0]) else {
            throw Failure("\(self.folder)/node.pem identifies no node; issue it with: muster ca issue")
        }
        guard !api.hosts.isEmpty else { throw Failure("\(self.folder)/api.pem names no host; issue it with: muster ca issue") }
        return (parts.cluster, parts.node, api.hosts)
    }
}

/// `spiffe://CLUSTER/node/NAME`.
private struct PeerName {
    var cluster: String
    var node: String

    init?(uri: String) {
        guard uri.hasPrefix("spiffe://") else { return nil }
        let parts = uri.dropFirst("spiffe://".count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1] == "node" else { return nil }
        self.cluster = String(parts[0])
        self.node = String(parts[2])
    }
}
