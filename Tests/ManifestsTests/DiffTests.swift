import Manifests
import Model
import Testing

@Suite("Diff and near names")
struct DiffTests {
    private func canonical(_ text: String) throws -> JSON { try #require(Samples.parse(text).manifests.first).canonical }

    @Test("a changed policy reads as field, old and new value")
    func text() throws {
        let old = try self.canonical(Samples.policy("maxReplicas: 20\ncooldown: { up: 2m }\nverify: { within: 5m }"))
        let new = try self.canonical(
            Samples.policy(
                "maxReplicas: 24\ncooldown: { up: 90s }\nemergency: { when: queue > 9, replicas: max }",
                rules: "rules: [{ track: { metric: queue, averageValue: 30 } }]"))
        let changes = Diff.between(old, new)
        #expect(
            Diff.text(changes) == """
                  maxReplicas:  20 -> 24
                  rules[0].track.averageValue:  25 -> 30
                  cooldown.up:  2m -> 1m30s
                + emergency:  {"replicas":"max","when":"queue > 9"}
                  verify.within:  5m -> 3m

                """)
        #expect(changes[0] == Diff.Change(op: .replace, path: "/maxReplicas", from: 20, to: 24))
        #expect(changes[0].json == ["op": "replace", "path": "/maxReplicas", "from": 20, "to": 24])
        #expect(changes[3].json["op"] == "add")
        #expect(changes[3].json["from"] == nil)
    }

    @Test("equal meanings do not differ")
    func equal() throws {
        let one = try self.canonical(Samples.policy("maxReplicas: 20"))
        let same = try self.canonical(Samples.policy("mode: recommend\nmaxReplicas: 20.0\nminReplicas: 1\ncooldown: { up: 0s }"))
        #expect(Diff.between(one, same).isEmpty)
        #expect(Diff.between(nil, nil).isEmpty)
        #expect(Diff.text([]) == "")
    }

    @Test("what is new adds each field, what is gone removes the whole")
    func newAndGone() throws {
        let region = try self.canonical("kind: Region\nname: a\nmaxReplicas: 5")
        #expect(Diff.text(Diff.between(nil, region)) == "+ kind:  Region\n+ name:  a\n+ maxReplicas:  5\n")
        #expect(Diff.between(region, nil) == [Diff.Change(op: .remove, path: "", from: region)])
        #expect(Diff.text(Diff.between(region, nil)).hasPrefix("- manifest:  {"))
    }

    @Test("an element put into or taken from a list is one change")
    func lists() {
        func list(_ values: String...) -> JSON { ["rules": .array(values.map { .string($0) })] }
        #expect(Diff.between(list("a", "c"), list("a", "b", "c")) == [Diff.Change(op: .add, path: "/rules/1", to: "b")])
        #expect(Diff.between(list("a", "b", "c"), list("a", "c")) == [Diff.Change(op: .remove, path: "/rules/1", from: "b")])
        #expect(Diff.between(list("a", "b"), list("a", "x")) == [Diff.Change(op: .replace, path: "/rules/1", from: "b", to: "x")])
        #expect(Diff.between(list("a", "a"), list("a")) == [Diff.Change(op: .remove, path: "/rules/1", from: "a")])
        #expect(Diff.between(list(), list("a")) == [Diff.Change(op: .add, path: "/rules/0", to: "a")])
    }

    @Test("long values are cut to where they differ, and stay on one line")
    func longValues() {
        let head = String(repeating: "x", count: 500)
        let line = Diff.text(Diff.between(["sql": .string(head + "\nold")], ["sql": .string(head + "\nnew")]))
        #expect(line.split(separator: "\n").count == 1)
        #expect(line.contains("old") && line.contains("new"))
        #expect(line.count < 100)
    }

    @Test("every change names values that stand at its place in the old and the new document", arguments: 0..<50)
    func complete(seed: UInt64) {
        var generator = ManifestGenerator(seed: seed)
        let kind = generator.pick(Manifest.Kind.allCases)
        let (old, new) = (generator.manifest(kind).canonicalJSON(), generator.manifest(kind).canonicalJSON())
        let changes = Diff.between(old, new)
        #expect(changes.isEmpty == (old == new), "seed \(seed)")
        for change in changes {
            if let to = change.to { #expect(Self.value(at: change.path, in: new) == to, "seed \(seed): \(change)") }
            if let from = change.from, change.op == .remove || !change.path.contains(where: \.isNumber) {
                #expect(Self.value(at: change.path, in: old) == from, "seed \(seed): \(change)")
            }
        }
    }

    private static func value(at pointer: String, in json: JSON) -> JSON? {
        var value: JSON? = json
        for token in pointer.split(separator: "/") {
            if let list = value?.arrayValue {
                guard let index = Int(token), list.indices.contains(index) else { return nil }
                value = list[index]
            } else {
                value = value?[String(token)]
            }
        }
        return value
    }

    @Test(
        "the nearest name is the one that was probably meant",
        arguments: [
            ("averageUtilisation", "averageUtilization"), ("minreplicas", "minReplicas"), ("maxReplcias", "maxReplicas"), ("max", nil), ("mod", "mode"),
            ("sql", nil), ("", nil), ("totallyDifferent", nil), (String(repeating: "m", count: 70), nil), ("mdoe", "mode"), ("MODE", "mode"),
        ] as [(String, String?)])
    func near(_ name: String, _ expected: String?) {
        #expect(nearest(name, in: ["averageUtilization", "minReplicas", "maxReplicas", "mode", "step"]) == expected)
    }

    @Test("near names: the nearer wins, then the first; nothing known means nothing near")
    func nearTies() {
        #expect(nearest("quee", in: ["queen", "queue"]) == "queen")
        #expect(nearest("quue", in: ["quark", "queue"]) == "queue")
        #expect(nearest("x", in: []) == nil)
        #expect(nearest("a", in: ["a"]) == nil)
        #expect(nearest("é", in: ["e"]) == nil)
    }
}
