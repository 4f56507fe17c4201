import ArgumentParser
import Model
import TLS

/// A certificate or a node, as a person names it.
struct WhatToDeny: ParsableArguments {
    @Option(help: "The serial number of a certificate, in hex, as “muster get nodes NAME -o json” and openssl show it.") var serial: String?
    @Option(help: "A node: every certificate with its name.") var node: String?
    @Option(help: "A certificate’s file, PEM: its serial number counts.") var certificate: String?

    func validate() throws {
        guard [self.serial, self.node, self.certificate].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("say what: one of --serial, --node and --certificate")
        }
    }

    /// The field of a denial, and what it holds.
    func field() throws -> (name: String, value: String) {
        if let node { return ("node", node) }
        if let certificate { return ("serial", try CertificateFiles.names(in: certificate).serial) }
        guard let serial, let normal = CertificateSerial.normalized(serial) else {
            throw Failure("--serial “\(self.serial ?? "")” is no serial number: it has to be hex digits, as in: openssl x509 -serial", exitCode: 2)
        }
        return ("serial", normal)
    }
}

extension CACommand {
    struct Deny: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let no node accept a certificate from another any more, or any of a node.",
            discussion: """
                Every node reads the list each second, refuses such certificates and cuts links that were made with them. It is about the links between
                nodes only: what else a stolen machine knew, such as the password of the database, is to be changed there.

                Example: muster ca deny --serial 6b8b4567327b23c6 --reason "the key of b was copied"
                """)
        @OptionGroup var what: WhatToDeny
        @OptionGroup var because: Because
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        func run() async throws {
            let (name, value) = try self.what.field()
            let answer = try await self.connect.client().post("/v1/denials", [name: .string(value), "reason": .string(self.because.reason)])
            Print.value(answer, self.output.format) { "denied: \(name) \(value) (#\(answer.cell("seq"))); all nodes refuse it within a second or two\n" }
        }
    }

    struct Allow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a certificate or a node off the deny-list.", discussion: "Example: muster ca allow --node b")
        @OptionGroup var what: WhatToDeny
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        func run() async throws {
            let (name, value) = try self.what.field()
            let client = try self.connect.client()
            guard let id = try await client.list("/v1/denials").first(where: { $0[name]?.stringValue == value })?["id"]?.intValue else {
                throw Failure("the deny-list has no \(name) “\(value)”. Next: muster ca denied")
            }
            let answer = try await client.delete("/v1/denials/\(id)")
            Print.value(answer, self.output.format) { "allowed: \(name) \(value) (#\(answer.cell("seq")))\n" }
        }
    }

    struct Denied: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The deny-list.", discussion: "Example: muster ca denied")
        @OptionGroup var connect: Connect
        @OptionGroup var output: Output

        func run() async throws {
            let items = try await self.connect.client().list("/v1/denials")
            Print.value(["items": .array(items)], self.output.format) {
                var table = Table(headings: ["ID", "SERIAL", "NODE", "BY", "SINCE", "REASON"])
                table.rows = items.map { [$0.cell("id"), $0.cell("serial"), $0.cell("node"), $0.cell("by"), $0.cell("at"), $0.cell("reason")] }
                return table.text()
            }
        }
    }
}
