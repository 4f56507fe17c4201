import Foundation
import Model
import Testing

@testable import Engine

@Suite("HPA: cases as data") struct HPACaseTests {
    /// The cases that the documentation brings along.
    static let file: URL = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/reference/hpa-cases.json")

    private static func ownCases() throws -> JSON { try JSON(parsing: try Data(contentsOf: Self.file)) }

    @Test("our own cases pass, and there is one of every kind")
    func own() throws {
        let report = try Conformance.run(try Self.ownCases())
        #expect(report.failures == [])
        #expect(Set(report.kinds.map(\.kind)) == Set(ConformanceKind.allCases.map(\.rawValue)))
        #expect(report.passed == 98)
    }

    @Test("in integers all pass but the two that show what doubles do")
    func exact() throws {
        let report = try Conformance.run(try Self.ownCases(), arithmetic: .exact)
        #expect(
            report.failures.map(\.problems) == [["limit: got 110, expected 111"], ["limit: got 1, expected 0"]])
        #expect(report.failures.map(\.id) == ["doubles-allow-one-more", "doubles-allow-the-last-one-to-go"])
    }

    @Test("derived cases run as well, and the report counts both")
    func derived() throws {
        let good = #"{"id":"a","kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2},"expected":{"usageMilli":2}}"#
        let bad = #"{"kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2},"expected":{"usageMilli":1}}"#
        let report = try Conformance.run(try JSON(parsing: #"{"cases":[\#(good)],"derivedCases":[\#(bad)]}"#))
        #expect(
            report.json == [
                "arithmetic": "hpa", "passed": 1, "failed": 1, "kinds": ["per-pod-usage": ["passed": 1, "failed": 1]],
                "failures": [["id": "derivedCases[0]", "kind": "per-pod-usage", "problems": ["usageMilli: got 2, expected 1"]]],
            ])
    }

    /// A case, and what is said of it; empty when it passes.
    static let doubtful: [(case: String, problem: String)] = [
        (#"{"kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2},"expected":{"usageMilli":2}}"#, ""),
        (#"{"kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2},"expected":{"usageMilli":2.0}}"#, ""),
        (#"{"kind":"utilisation","inputs":{},"expected":{"replicas":1}}"#, "the kind “utilisation” is not known; did you mean “utilization”?"),
        (#"{"inputs":{},"expected":{"replicas":1}}"#, "/kind: is missing"),
        (#"{"kind":"clamp","inputs":{}}"#, "/expected: is missing"),
        (#"{"kind":"clamp","inputs":{},"expected":{}}"#, "it expects nothing"),
        (#"{"kind":"clamp","expected":{"replicas":1}}"#, "/inputs: is missing"),
        (
            #"{"kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplica":2},"expected":{"usageMilli":2}}"#,
            "/inputs/statusReplicas: is missing"
        ),
        (
            #"{"kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2,"status":1},"expected":{"usageMilli":2}}"#,
            "/inputs/status: is not a field of the inputs of kind “per-pod-usage”; it has usageMilli, statusReplicas"
        ),
        (
            #"{"kind":"per-pod-usage","inputs":{"usageMilli":3.5,"statusReplicas":2},"expected":{"usageMilli":2}}"#,
            "/inputs/usageMilli: is not an integer of 64 bits"
        ),
        (
            #"{"kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":3000000000},"expected":{"usageMilli":2}}"#,
            "/inputs/statusReplicas: is not within -2147483648 and 2147483647"
        ),
        (
            #"{"kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2},"expected":{"usage":2}}"#,
            "usage: got nothing, expected 2"
        ),
        (
            #"{"kind":"per-pod-usage","inputs":{"usageMilli":3,"statusReplicas":2},"expected":{"error":"no"}}"#,
            "got {\"usageMilli\":2}, expected the error \"no\""
        ),
        (
            #"{"kind":"usage-ratio","inputs":{"samplesMilli":{},"requestsMilli":null,"target":5},"expected":{"ratio":1}}"#,
            "fails with “no metrics returned matched known pods”, expected {\"ratio\":1}"
        ),
        (
            #"{"kind":"usage-ratio","inputs":{"samplesMilli":{},"requestsMilli":null,"target":5},"expected":{"error":"pods that"}}"#,
            "error: got “no metrics returned matched known pods”, expected “pods that”"
        ),
        (
            #"{"kind":"behavior-limit","inputs":{"direction":"sideways","currentReplicas":1,"rules":null},"expected":{"limit":1}}"#,
            "/inputs/direction: is “sideways”, which is none of up, down"
        ),
        (
            #"{"kind":"defaulting","inputs":{"direction":"up","rules":{"policies":[{"type":"Pods","value":1,"period":15}]}},"expected":{"rules":{}}}"#,
            "/inputs/rules/policies/0/periodSeconds: is missing"
        ),
        (
            #"{"kind":"pod-grouping","inputs":{"resource":"cpu","pods":[{"name":"a","phase":"Running","color":1}]},"expected":{"readyCount":0}}"#,
            "/inputs/pods/0/color: is not a field of a pod"
        ),
        (#"{"kind":"stabilization","inputs":[],"expected":{"replicas":1}}"#, "/inputs: is not an object"),
        ("7", "is not an object"),
    ]

    @Test("nothing is skipped or guessed", arguments: Self.doubtful)
    func strict(text: String, problem: String) throws {
        let report = try Conformance.run(["cases": [try JSON(parsing: text)]])
        if problem.isEmpty {
            #expect(report.failures == [])
        } else {
            #expect(report.failures.first?.problems.first?.hasPrefix(problem) == true, "\(report.failures)")
        }
        #expect(report.passed + report.failed == 1)
    }

    static let noFiles: [(String, String)] = [
        ("[]", "is not an object"), ("{}", "/cases: is missing"), (#"{"cases":{}}"#, "/cases: is not a list"), (#"{"cases":[]}"#, "/cases: is empty"),
        (#"{"schema":{"version":2},"cases":[]}"#, "/schema/version: is 2; this version of Muster reads 1"),
        (#"{"cases":[],"derivedCases":7}"#, "/derivedCases: is not a list"),
    ]

    @Test("what is no file of cases is refused", arguments: Self.noFiles)
    func noFile(text: String, words: String) throws {
        let error = #expect(throws: JSONError.self) { try Conformance.run(try JSON(parsing: text)) }
        #expect(error?.description == words)
    }
}
