import Drivers
import Eventually
import Foundation
import Model
import Testing

@Suite("Exec driver", .timeLimit(.minutes(2)))
struct ExecDriverTests {
    /// Long enough for any program that means to end, on a busy machine.
    private let patience: Duration = .seconds(30)
    /// For programs that hang: what is waited for in vain.
    private let impatience: Duration = .seconds(3)

    private func withPlatform<R>(_ body: (ScriptPlatform) async throws -> R) async throws -> R {
        let platform = try ScriptPlatform()
        defer { platform.remove() }
        return try await body(platform)
    }

    private func observe(_ platform: ScriptPlatform, within deadline: Duration? = nil) async throws -> Observation {
        try #require(await platform.driver().observe([platform.target()], deadline: deadline ?? self.patience).first)
    }

    // MARK: Observing

    @Test(
        "an observe program that does not answer with a count is unseen, never 0",
        arguments: [
            ("rubbish", "exec.output"), ("empty", "exec.output"), ("html", "exec.output"), ("truncated", "exec.output"),
            ("huge", "exec.output"), ("negative", "exec.output"), ("enormous", "exec.output"),
            ("unknown-field", "exec.output"),
            ("contradiction", "exec.output"), ("exit", "exec.exit"), ("signal", "exec.signal"),
        ])
    func misbehaving(fault: String, code: String) async throws {
        try await self.withPlatform { platform in
            try platform.breakObserve(fault)
            guard case .unseen(let error) = try await self.observe(platform) else {
                Issue.record("seen")
                return
            }
            #expect(error.code == code)
            #expect(error.message.contains("transcode/eu-west") && error.message.contains("observe"))
            #expect((error.evidence ?? "").utf8.count <= ReadingAnswer.maximumEvidence)
        }
    }

    @Test("an observe program that hangs is stopped at its deadline, and nothing of it is left")
    func hanging() async throws {
        try await self.withPlatform { platform in
            try platform.breakObserve("hang")
            guard case .unseen(let error) = try await self.observe(platform, within: self.impatience) else {
                Issue.record("seen")
                return
            }
            #expect(error.code == "exec.timeout")
            #expect(platform.pids().allSatisfy(ScriptPlatform.isGone))
        }
    }

    @Test("an observe program that closes its output and goes on is stopped at its deadline")
    func closedStreams() async throws {
        try await self.withPlatform { platform in
            try platform.breakObserve("closed")
            guard case .unseen(let error) = try await self.observe(platform, within: self.impatience) else {
                Issue.record("seen")
                return
            }
            #expect(error.code == "exec.timeout")
            #expect(platform.pids().allSatisfy(ScriptPlatform.isGone))
        }
    }

    @Test("a descendant that left the group and keeps the pipe open does not hold up the answer")
    func escapedDescendant() async throws {
        try await self.withPlatform { platform in
            try platform.breakObserve("escaped")
            #expect(try await self.observe(platform) == .seen(desired: 3, current: 3, ready: 3, version: nil))
        }
    }

    @Test("all three forms of a count are understood")
    func forms() async throws {
        try await self.withPlatform { platform in
            #expect(try await self.observe(platform) == .seen(desired: 3, current: 3, ready: 3, version: nil))
            try platform.breakObserve("three")
            #expect(try await self.observe(platform) == .seen(desired: 5, current: 4, ready: 2, version: "17"))
            try platform.breakObserve("draining")
            #expect(try await self.observe(platform) == .seen(desired: 2, current: 5, ready: 5, version: nil))
        }
    }

    @Test("a program gets an empty stdin and no descriptor of ours")
    func isolation() async throws {
        try await self.withPlatform { platform in
            let ours = open("/dev/null", O_RDONLY)
            defer { close(ours) }
            try platform.breakObserve("stdin")
            #expect(try await self.observe(platform) == .seen(desired: 0, current: 0, ready: 0, version: nil))
            try platform.breakObserve("descriptors")
            // stdin, stdout, stderr, and the one with which ls reads the directory.
            #expect(try await self.observe(platform) == .seen(desired: 4, current: 4, ready: 4, version: nil))
        }
    }

    /// A workload of one platform, for the driver of another.
    private static func outside(_ name: String, _ platform: ScriptPlatform) -> Target {
        var target = platform.target(name)
        target.target = .exec(observe: ["observe", platform.state], scale: ["scale", platform.state])
        return target
    }

    @Test("one hanging program costs the other workloads nothing")
    func neighbours() async throws {
        try await self.withPlatform { sound in
            try await self.withPlatform { hanging in
                try hanging.breakObserve("hang")
                let driver = sound.driver(concurrency: 2)
                let targets = [Self.outside("bad", hanging)] + (1...6).map { sound.target("good-\($0)") }
                let observations = await driver.observe(targets, deadline: .seconds(6))
                guard case .unseen = observations[0] else {
                    Issue.record("the hanging one was seen")
                    return
                }
                #expect(
                    observations.dropFirst().allSatisfy { $0 == .seen(desired: 3, current: 3, ready: 3, version: nil) })
            }
        }
    }

    @Test("more hanging programs than run at once delay the others once, and no more")
    func hangingNeighbours() async throws {
        try await self.withPlatform { sound in
            try await self.withPlatform { hanging in
                try hanging.breakObserve("hang")
                let driver = sound.driver(concurrency: 2)
                let bad = (1...3).map { Self.outside("bad-\($0)", hanging) }
                let first = await driver.observe(bad, deadline: .seconds(1))
                #expect(first.allSatisfy { if case .unseen = $0 { true } else { false } })
                let again = Task { await driver.observe(bad, deadline: .seconds(60)) }
                try await eventually("its program runs") { !hanging.pids().isEmpty }
                let observation = await driver.observe([sound.target("good")], deadline: .seconds(20)).first
                #expect(observation == .seen(desired: 3, current: 3, ready: 3, version: nil))
                again.cancel()
                _ = await again.value
            }
        }
    }

    @Test("a cancelled observation leaves no process behind")
    func cancelledObservation() async throws {
        try await self.withPlatform { platform in
            try platform.breakObserve("hang")
            let (driver, target) = (platform.driver(), platform.target())
            let task = Task { await driver.observe([target], deadline: .seconds(60)) }
            try await eventually("its program runs") { !platform.pids().isEmpty }
            task.cancel()
            guard case .unseen(let error) = await task.value[0] else {
                Issue.record("seen")
                return
            }
            #expect(error.code == "exec.cancelled")
            #expect(platform.pids().allSatisfy(ScriptPlatform.isGone))
        }
    }

    // MARK: Programs

    @Test(
        "only executable files of the node's directory can be named",
        arguments: [
            "../state/replicas", "/bin/true", "", ".", "..", "missing", "plain", "folder", "dangling", "shell words",
        ])
    func refusedPrograms(name: String) async throws {
        try await self.withPlatform { platform in
            try platform.install("plain", "#!/bin/sh\necho 1\n", mode: 0o644)
            try FileManager.default.createDirectory(
                atPath: platform.programs + "/folder", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: platform.programs + "/dangling", withDestinationPath: "nowhere")
            var order = platform.order(5, from: 3)
            order.target.target = .exec(observe: name.isEmpty ? [] : [name], scale: name.isEmpty ? [] : [name])
            let driver = platform.driver()
            guard case .unseen(let error) = await driver.observe([order.target], deadline: self.patience)[0] else {
                Issue.record("seen")
                return
            }
            #expect(error.code == "exec.program")
            guard case .refused(let refusal) = await driver.scale(order, deadline: self.patience) else {
                Issue.record("not refused")
                return
            }
            #expect(refusal.code == "exec.program" && refusal.message.contains("transcode/eu-west"))
            #expect(await driver.check(order.target).contains { $0.severity == .error })
        }
    }

    @Test("a symbolic link in the directory that leads to a program is one")
    func link() async throws {
        try await self.withPlatform { platform in
            try FileManager.default.createSymbolicLink(
                atPath: platform.programs + "/look", withDestinationPath: "observe")
            var target = platform.target()
            target.target = .exec(observe: ["look", platform.state], scale: ["scale", platform.state])
            #expect(
                await platform.driver().observe([target], deadline: self.patience) == [
                    .seen(desired: 3, current: 3, ready: 3, version: nil)
                ])
            #expect(await platform.driver().check(target) == [])
        }
    }

    @Test("a program that cannot be started says what to do")
    func unstartable() async throws {
        try await self.withPlatform { platform in
            try platform.install("scale", "#!/no/such/interpreter\n")
            guard
                case .refused(let error) = await platform.driver().scale(
                    platform.order(5, from: 3), deadline: self.patience)
            else {
                Issue.record("not refused")
                return
            }
            #expect(error.code == "exec.start" && error.message.contains("interpreter"))
        }
    }

    @Test("a directory that does not exist, and programs that everybody may change, are found by the check")
    func checks() async throws {
        try await self.withPlatform { platform in
            try platform.install("scale", "#!/bin/sh\n", mode: 0o777)
            let findings = await platform.driver().check(platform.target())
            #expect(findings.map(\.code) == ["exec.writable"] && findings.map(\.severity) == [.warning])
            try FileManager.default.removeItem(atPath: platform.programs)
            let missing = await platform.driver().check(platform.target())
            #expect(missing.map(\.code) == ["exec.directory", "exec.directory", "exec.directory"], "observe, scale and restart")
        }
    }

    @Test("arguments reach the program as they are, never through a shell")
    func noShell() async throws {
        try await self.withPlatform { platform in
            try platform.install("count", "#!/bin/sh\necho $#\n")
            var target = platform.target()
            target.target = .exec(
                observe: ["count", "$(touch \(platform.state)/pwned)", "; echo 9", "a b", ""], scale: ["scale"])
            #expect(
                await platform.driver().observe([target], deadline: self.patience) == [
                    .seen(desired: 4, current: 4, ready: 4, version: nil)
                ])
            #expect(!FileManager.default.fileExists(atPath: platform.state + "/pwned"))
        }
    }
}
