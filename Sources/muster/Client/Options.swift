import ArgumentParser
import Foundation
import Model

/// Where the cluster is and who asks.
struct Connect: ParsableArguments {
    @Option(help: "A node’s API, such as https://a.internal:7443 (MUSTER_URL).")
    var url: String?
    @Option(help: "A token (MUSTER_TOKEN). In a command line others can see it: prefer the variable.")
    var token: String?
    @Option(name: .customLong("ca"), help: "The authority that signed the node’s certificate, PEM (MUSTER_CA).")
    var authority: String?

    func client() throws -> APIClient {
        let environment = ProcessInfo.processInfo.environment
        guard let url = self.url ?? environment["MUSTER_URL"], !url.isEmpty else {
            throw Failure("no node to talk to: give --url or set MUSTER_URL", exitCode: 2)
        }
        guard let host = URL(string: url), host.scheme == "https", host.host() != nil, host.query == nil, host.user == nil else {
            throw Failure("“\(url)” is not a node’s address; it looks like https://a.internal:7443 (a token is never sent without TLS)", exitCode: 2)
        }
        guard let token = self.token ?? environment["MUSTER_TOKEN"], !token.isEmpty else {
            throw Failure("no token: give --token or set MUSTER_TOKEN", exitCode: 4)
        }
        return APIClient(url: url.hasSuffix("/") ? String(url.dropLast()) : url, token: token, authority: self.authority ?? environment["MUSTER_CA"])
    }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case table, json, yaml, name }

struct Output: ParsableArguments {
    @Option(name: [.customShort("o"), .customLong("output")], help: "table, json, yaml or name.")
    var format = OutputFormat.table
}

/// Why somebody does something; recorded with it.
struct Because: ParsableArguments {
    @Option(help: "Why; recorded in the audit log.")
    var reason: String

    func validate() throws {
        guard self.reason.count >= 5 else { throw ValidationError("--reason needs at least 5 characters: it is what others will read") }
    }
}

/// When a hold ends by itself.
struct Until: ParsableArguments {
    @Option(name: .customLong("for"), help: "How long, such as 30m or 2h.")
    var duration: String?
    @Option(help: "Until when, RFC 3339, such as 2026-06-01T08:00:00Z.")
    var until: String?

    func validate() throws {
        guard (self.duration == nil) != (self.until == nil) else { throw ValidationError("say either --for or --until: a hold always has an end") }
        if let duration, Duration(text: duration) == nil { throw ValidationError("--for “\(duration)” is not a duration such as 30m or 2h") }
        if let until, WallTime(rfc3339: until) == nil { throw ValidationError("--until “\(until)” is not a time such as 2026-06-01T08:00:00Z") }
    }

    var fields: [String: JSON] {
        var fields: [String: JSON] = [:]
        if let duration { fields["for"] = .string(duration) }
        if let until { fields["until"] = .string(until) }
        return fields
    }
}
