public import Model

/// Runs cases of the Kubernetes HPA algorithm, as data, through the engine: what `muster conformance` does.
///
/// A file is `{"schema": {"version": 1}, "cases": [case…], "derivedCases": [case…]}`; a case is `{"id", "kind", "inputs", "expected"}`.
/// Nothing is skipped: a kind, an input or an expected field that is not known fails its case.
public enum Conformance {
    /// The version of the case format that this reads.
    public static let version: Int64 = 1

    /// A case that failed.
    public struct Failure: Sendable, Hashable {
        /// As the file names it.
        public var id: String
        /// The part of the algorithm that it is about.
        public var kind: String
        /// What differs, or why the case could not be run; one sentence each.
        public var problems: [String]
    }

    /// Cases of one kind.
    public struct Count: Sendable, Hashable {
        /// Those that came out as expected.
        public var passed = 0
        /// Those that did not.
        public var failed = 0
    }

    /// What became of a file's cases.
    public struct Report: Sendable {
        /// Whose arithmetic they were run with.
        public var arithmetic: Policy.Arithmetic
        /// Each case that failed, in the file's order.
        public fileprivate(set) var failures: [Failure] = []
        /// Each kind that occurs, in the order of its first case.
        public fileprivate(set) var kinds: [(kind: String, count: Count)] = []

        /// Cases that came out as expected.
        public var passed: Int { self.kinds.reduce(0) { $0 + $1.count.passed } }
        /// Cases that did not.
        public var failed: Int { self.failures.count }

        fileprivate mutating func add(_ kind: String, _ failure: Failure?) {
            let index = self.kinds.firstIndex { $0.kind == kind } ?? self.kinds.count
            if index == self.kinds.count { self.kinds.append((kind, Count())) }
            if let failure {
                self.kinds[index].count.failed += 1
                self.failures.append(failure)
            } else {
                self.kinds[index].count.passed += 1
            }
        }
    }

    /// - Parameter arithmetic: cases are stated for `hpa`.
    /// - Throws: ``JSONError`` when this is no file of cases.
    public static func run(_ file: JSON, arithmetic: Policy.Arithmetic = .hpa) throws(JSONError) -> Report {
        if let schema = file["schema"], !schema.isNull {
            let version = try Self.inside("schema") { () throws(JSONError) in try schema.int("version") }
            guard version == Self.version else {
                throw JSONError(pointer: "/schema/version", message: "is \(version); this version of Muster reads \(Self.version)")
            }
        }
        var report = Report(arithmetic: arithmetic)
        var lists = [("cases", try file.array("cases"))]
        if let derived = file["derivedCases"], !derived.isNull { lists.append(("derivedCases", try file.array("derivedCases"))) }
        for (name, list) in lists {
            for (index, json) in list.enumerated() {
                let id = json["id"]?.stringValue ?? "\(name)[\(index)]", kind = json["kind"]?.stringValue ?? "(none)"
                let problems = Self.problems(of: json, arithmetic)
                report.add(kind, problems.isEmpty ? nil : Failure(id: id, kind: kind, problems: problems))
            }
        }
        guard report.passed + report.failed > 0 else { throw JSONError(pointer: "/cases", message: "is empty") }
        return report
    }

    private static func inside<Value>(_ name: String, _ body: () throws(JSONError) -> Value) throws(JSONError) -> Value {
        do { return try body() } catch { throw error.inside(name) }
    }

    /// What is wrong with one case; nothing when it passes.
    private static func problems(of json: JSON, _ arithmetic: HPA.Arithmetic) -> [String] {
        do {
            let name = try json.string("kind")
            guard let kind = ConformanceKind(rawValue: name) else {
                let near = nearestName(to: name, in: ConformanceKind.allCases.map(\.rawValue)).map { "; did you mean “\($0)”?" } ?? ""
                return ["the kind “\(name)” is not known\(near)"]
            }
            guard case .object(let expected) = try json.required("expected"), !expected.isEmpty else { return ["it expects nothing"] }
            let inputs = try json.required("inputs")
            let answer = try Self.inside("inputs") { () throws(JSONError) in
                try CaseFields.object(inputs, "the inputs of kind “\(name)”") { fields throws(JSONError) in try kind.run(&fields, arithmetic) }
            }
            return Comparison.problems(answer, expected)
        } catch { return [error.description] }
    }
}

extension Conformance.Report: JSONEncodable {
    public var json: JSON {
        var kinds: [String: JSON] = [:]
        for (kind, count) in self.kinds { kinds[kind] = ["passed": .int(Int64(count.passed)), "failed": .int(Int64(count.failed))] }
        return [
            "arithmetic": .string(self.arithmetic.rawValue), "passed": .int(Int64(self.passed)), "failed": .int(Int64(self.failed)), "kinds": .object(kinds),
            "failures": .array(
                self.failures.map { ["id": .string($0.id), "kind": .string($0.kind), "problems": .array($0.problems.map(JSON.string))] }),
        ]
    }
}
