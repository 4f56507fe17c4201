public import Model

/// Something outside of the cluster that a leader's work needs: without it, nothing that it concerns is seen.
public enum Dependency: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The source behind a Connection manifest, by its name.
    case connection(String)
    /// What a program of the exec driver observes, by the program's name.
    case program(String)

    /// As nodes write it to one another: `connection:load`, `program:replicas`.
    public var description: String {
        switch self {
        case .connection(let name): "connection:\(name)"
        case .program(let name): "program:\(name)"
        }
    }

    /// Reads ``description``; nil for anything else.
    public init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), colon < text.index(before: text.endIndex) else { return nil }
        let name = String(text[text.index(after: colon)...])
        switch text[..<colon] {
        case "connection": self = .connection(name)
        case "program": self = .program(name)
        default: return nil
        }
    }

    /// Of a target; nil when it needs nothing that one node may reach and another not. What a person does is asked for in the cluster's own database.
    public init?(_ target: DriverTarget) {
        guard case .exec(let observe, _, _) = target, let program = observe.first else { return nil }
        self = .program(program)
    }

    public static func < (left: Dependency, right: Dependency) -> Bool { left.description < right.description }
}

extension Fleet {
    /// Workloads that are looked at to see whether a program works: enough that one with a fault of its own does not pass for all.
    static let samples = 3

    /// What the policies in force need.
    public var dependencies: Set<Dependency> {
        var all = Set(self.members.compactMap { Dependency($0.target) })
        for member in self.members {
            for metric in member.policy.metrics {
                switch metric.source {
                case .sql(let connection, _): all.insert(.connection(connection))
                case .kubernetes: break
                }
            }
        }
        return all
    }

    /// Workloads by which one can tell whether the program works, the same ones on every node.
    public func samples(of dependency: Dependency) -> [Member] { Array(self.members.lazy.filter { Dependency($0.target) == dependency }.prefix(Self.samples)) }
}
