import Model
import Readings
import Testing

/// What a question should be answered with, for a subject to arrange.
enum Arrangement: Sendable, CaseIterable {
    case number, negativeZero, enormous, absent, null, notANumber, infinite, text, twoAnswers, broken
    /// Does not answer in time.
    case never

    /// The answer that is expected; nil for a number.
    var missing: Set<MissingReason>? {
        switch self {
        case .number, .negativeZero, .enormous: nil
        case .absent: [.absent]
        case .null: [.null]
        case .notANumber, .infinite: [.nonFinite]
        case .text: [.unparsable]
        case .twoAnswers: [.ambiguous]
        case .broken: [.refused]
        case .never: [.timeout]
        }
    }
}

/// What every source is tested against. A subject wraps one source and the platform behind it.
protocol SourceSubject: Sendable {
    associatedtype Source: MetricSource
    var source: Source { get }
    /// A question that is answered as arranged, `number` with 42.
    func query(_ arrangement: Arrangement) -> Source.Query
    /// A question that is answered with the number in the service's name (`service-17`: 17), and with something broken
    /// for `bad`.
    var perWorkload: Source.Query { get }
    func stop() async throws
    func start() async throws
    func pause() async throws
    func resume() async throws
    /// A text that stands among the source's secrets, and a question whose failure repeats it.
    var canary: (secret: String, query: Source.Query)? { get }
    func tearDown() async
}

enum SourceConformance {
    private static let workload = WorkloadID(service: "transcode", region: "eu-west")
    private static let asOf = WallTime(microseconds: 1_780_000_000_000_000)
    /// Long enough for any answer that comes.
    private static let patience: Duration = .seconds(20)
    /// For answers that do not come.
    private static let impatience: Duration = .milliseconds(700)

    static func run<Subject: SourceSubject>(_ subject: Subject) async throws {
        await Self.arrangements(subject)
        await Self.oneBadOfHundred(subject)
        await Self.batchedAndAlone(subject)
        await Self.noSecret(subject)
        try await Self.faults(subject)
        await Self.closed(subject)
        await subject.tearDown()
    }

    private static func ask<Subject: SourceSubject>(
        _ subject: Subject, _ query: Subject.Source.Query, within deadline: Duration = Self.patience
    ) async -> ReadingAnswer {
        let answers = await subject.source.read(
            [ReadingRequest(workload: Self.workload, query: query)], asOf: Self.asOf, deadline: deadline)
        #expect(answers.count == 1)
        return answers.first ?? .missing(.partial, evidence: "no answer at all")
    }

    private static func arrangements(_ subject: some SourceSubject) async {
        for arrangement in Arrangement.allCases {
            let answer = await Self.ask(
                subject, subject.query(arrangement), within: arrangement == .never ? Self.impatience : Self.patience)
            switch (answer, arrangement.missing) {
            case (.value(let sample), nil):
                let expected: Quantity =
                    arrangement == .number ? Quantity(42) : arrangement == .negativeZero ? .zero : Quantity(milli: .max)
                #expect(sample == Sample(value: expected, at: Self.asOf), "\(arrangement)")
            case (.missing(let reason, let evidence), .some(let expected)):
                #expect(expected.contains(reason), "\(arrangement): \(reason)")
                #expect(!evidence.isEmpty && evidence.utf8.count <= ReadingAnswer.maximumEvidence, "\(arrangement)")
            default: Issue.record("\(arrangement): \(answer)")
            }
        }
    }

    private static func oneBadOfHundred(_ subject: some SourceSubject) async {
        let services = (0..<100).map { $0 == 57 ? "bad" : "service-\($0)" }
        let requests = services.map {
            ReadingRequest(workload: WorkloadID(service: $0, region: "eu-west"), query: subject.perWorkload)
        }
        let answers = await subject.source.read(requests, asOf: Self.asOf, deadline: Self.patience)
        #expect(answers.count == 100)
        for (index, answer) in answers.enumerated() {
            if index == 57 {
                guard case .missing = answer else {
                    Issue.record("the bad one has a value")
                    return
                }
            } else {
                #expect(answer == .value(Sample(value: Quantity(index), at: Self.asOf)))
            }
        }
    }

    private static func batchedAndAlone(_ subject: some SourceSubject) async {
        let requests = Arrangement.allCases.filter { $0 != .never }.map {
            ReadingRequest(workload: Self.workload, query: subject.query($0))
        }
        let together = await subject.source.read(requests, asOf: Self.asOf, deadline: Self.patience)
        for (request, answer) in zip(requests, together) {
            #expect(await Self.ask(subject, request.query) == answer)
        }
    }

    private static func noSecret(_ subject: some SourceSubject) async {
        guard let (secret, query) = subject.canary else { return }
        guard case .missing(_, let evidence) = await Self.ask(subject, query) else {
            Issue.record("it should have failed")
            return
        }
        #expect(!evidence.contains(secret))
        #expect(evidence.contains("[secret]"))
    }

    /// Whatever happens to the platform, every answer is missing and none is a number; and afterwards all is as before.
    private static func faults(_ subject: some SourceSubject) async throws {
        func expectMissing(_ fault: String, within deadline: Duration) async {
            guard
                case .missing(let reason, let evidence) = await Self.ask(
                    subject, subject.query(.number), within: deadline)
            else {
                Issue.record("\(fault): a value")
                return
            }
            #expect([.unreachable, .timeout, .overloaded].contains(reason), "\(fault): \(reason) \(evidence)")
            #expect(evidence.utf8.count > 20, "\(fault): \(evidence)")
            if case .healthy = await subject.source.health(deadline: deadline) { Issue.record("\(fault): healthy") }
        }
        func expectValue(_ when: String) async {
            let answer = await Self.ask(subject, subject.query(.number))
            #expect(answer == .value(Sample(value: Quantity(42), at: Self.asOf)), "\(when)")
            #expect(await subject.source.health(deadline: Self.patience) == .healthy, "\(when)")
        }
        await expectValue("before")
        try await subject.pause()
        await expectMissing("paused", within: Self.impatience)
        try await subject.resume()
        await expectValue("resumed")
        try await subject.stop()
        await expectMissing("stopped", within: Self.patience)
        try await subject.start()
        await expectValue("started again")
        try await subject.stop()
        try await subject.start()
        await expectValue("restarted without a question in between")
    }

    private static func closed(_ subject: some SourceSubject) async {
        await subject.source.close()
        guard case .missing(.unreachable, _) = await Self.ask(subject, subject.query(.number)) else {
            Issue.record("a closed source answers")
            return
        }
    }
}
