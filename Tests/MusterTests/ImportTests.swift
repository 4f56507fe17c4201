import Testing

@Suite("Command line: import and export")
struct ImportTests {
    private static let page = DocumentationTests.Page(path: "reference/import.md")

    @Test("the import that the reference shows writes what it says, and says what it lost")
    func documented() async throws {
        let blocks = try Self.page.blocks()
        let scaledObject = try #require(blocks.first { $0.language == "yaml" && $0.text.hasPrefix("apiVersion: keda.sh") })
        let outputs = blocks.filter { $0.language == "text" }.map(\.text)
        try #require(outputs.count == 2)
        let scratch = try Scratch()
        try scratch.write(scaledObject.text, "worker.yaml")
        let result = try await Program(folder: scratch.folder).run("import", "worker.yaml")
        #expect(result.code == 3)
        #expect(result.out == outputs[0])
        #expect(result.err == outputs[1])
    }

    static let hpa = """
        apiVersion: autoscaling/v2
        kind: HorizontalPodAutoscaler
        metadata: { name: transcode }
        spec:
          scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: transcode }
          minReplicas: 2
          maxReplicas: 10
          metrics:
            - type: Resource
              resource: { name: cpu, target: { type: Utilization, averageUtilization: 70 } }

        """

    @Test("a HorizontalPodAutoscaler is imported without a loss, from a file and from standard input")
    func nothingLost() async throws {
        let scratch = try Scratch()
        try scratch.write(Self.hpa, "hpa.yaml")
        let file = try await Program(folder: scratch.folder).run("import", "hpa.yaml", "--region", "eu-west")
        #expect(file.code == 0, "\(file.err)")
        #expect(file.err.isEmpty)
        #expect(file.out.contains("resource: deployment/transcode") && file.out.contains("arithmetic: hpa"))
        let piped = try await Program(folder: scratch.folder, standardInput: Self.hpa).run("import", "-", "--region", "eu-west")
        #expect(piped.out == file.out.replacing("of hpa.yaml", with: "of stdin"))
    }

    @Test("it is good manifest as it is: lint takes it, evaluate decides by it, and export writes it again")
    func asItIs() async throws {
        let scratch = try Scratch()
        try scratch.write(Self.hpa, "hpa.yaml")
        try scratch.write("kind: Region\nname: eu-west\n---\nkind: Service\nname: transcode\nworkloads: { eu-west: { driver: manual } }\n", "service.yaml")
        let program = Program(folder: scratch.folder)
        let lint = try await program.run("lint", "--offline", "-f", "hpa.yaml", "-f", "service.yaml")
        #expect(lint.code == 0)
        #expect(lint.err.hasPrefix("warning: hpa.yaml:9:7: the metric cpu is read from Kubernetes"), "\(lint.err)")
        try scratch.write(
            #"{"workload": "transcode/eu-west", "now": "2026-05-28T12:00:00Z", "observed": {"replicas": 4, "ready": 4}, "readings": {"cpu": 105}}"#, "case.json"
        )
        let evaluated = try await program.run("evaluate", "-f", "hpa.yaml", "--input", "case.json")
        #expect(evaluated.code == 0, "\(evaluated.err)")
        #expect(evaluated.lines.first?.hasPrefix("transcode/eu-west  4 -> 6") == true, "\(evaluated.out)")
        let exported = try await program.run("export", "--as", "hpa", "-f", "hpa.yaml", "-f", "service.yaml")
        #expect(exported.code == 3)
        #expect(exported.err == "lost: Policy/transcode: is not carried over: mode recommend: a HorizontalPodAutoscaler acts\n")
        #expect(exported.out.hasPrefix("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: transcode\n"), "\(exported.out)")
        let plain = try await program.run("export", "-f", "hpa.yaml")
        #expect(plain.code == 0)
        #expect(plain.out.hasPrefix("kind: Policy\nname: transcode\n"), "\(plain.out)")
    }

    @Test("what can't be imported is told with its place, and nothing is written")
    func refused() async throws {
        let scratch = try Scratch()
        try scratch.write("kind: Deployment\nmetadata: { name: x }\n", "x.yaml")
        let result = try await Program(folder: scratch.folder).run("import", "x.yaml")
        #expect(result.code == 1)
        #expect(result.out.isEmpty)
        #expect(result.err.hasPrefix("lost: x.yaml:1:1: Deployment/x: a “Deployment” can't be imported"), "\(result.err)")
        #expect(result.err.hasSuffix("error: nothing could be imported\n"), "\(result.err)")
        #expect(try await Program(folder: scratch.folder).run("import", "none.yaml").code == 2)
    }

    @Test("lint tells how long the way between the bounds takes, which is no warning")
    func notes() async throws {
        let scratch = try Scratch()
        try scratch.write(Sample.manual.replacing("mode: dryRun\n", with: "mode: dryRun\nbehavior: {}\n"), "media.yaml")
        let program = Program(folder: scratch.folder)
        let lint = try await program.run("lint", "--offline", "-f", "media.yaml")
        #expect(lint.code == 0)
        #expect(lint.err.isEmpty)
        #expect(lint.lines.first?.contains(#/^note: media\.yaml:[0-9]+:[0-9]+: from 1 to [0-9]+ replicas takes at least /#) == true, "\(lint.out)")
        #expect(lint.lines.last == "ok")
        let data = try await program.run("lint", "--offline", "-f", "media.yaml", "-o", "json")
        #expect(data.out.contains("\"fastest-path\""), "\(data.out)")
    }
}
