import Model
import Testing

@Suite("Decision JSON")
struct DecisionJSONTests {
    static let time = WallTime(microseconds: 1_779_937_924_120_000)

    static let reasons: [Reason] =
        [
            .rule("queue"), .rule("track(queue)"), .withinTolerance, .cooldown(until: time), .atMin, .atMax, .emergency,
            .stale(metric: "cpu"), .missing(metric: "cpu"),
            .sustaining(metric: "queue", until: time), .unobserved("the observe command timed out"),
            .inFlight(action: "a-5521"), .budgetDenied(by: "budget:fleet"),
            .paused(owner: "anna", until: time), .override(owner: "anna", until: time), .dryRun, .recommendOnly, .off,
            .disabled, .outranked(by: "checkout/eu-west"), .stabilized(until: time), .rateLimited(until: time), .directionDisabled,
            .scheduleFloor(until: time), .scheduleCeiling(until: time), .inboundFloor(by: "campaign", until: time),
            .failoverFloor(region: "eu-north", until: nil),
            .failoverFloor(region: "eu-south", until: time), .regionDown("eu-west"), .frozen(reason: "weekend freeze", until: time),
            .awaitingApproval, .doubted(metric: "queue"), .rolledBack(action: "a-17", until: time), .scaleUpLimit,
            .restart(when: "memory > 90 and (queue < 5)"),
        ] + RestartHold.allCases.map { .restartHeld($0, when: "memory > 90") }

    @Test("every reason survives its JSON form", arguments: Self.reasons)
    func reason(reason: Reason) throws {
        #expect(try Reason(json: JSON(parsing: reason.json.canonical())) == reason)
        switch reason {  // A new case belongs into the list above.
        case .rule, .withinTolerance, .cooldown, .atMin, .atMax, .emergency, .stale, .missing, .sustaining, .unobserved,
            .inFlight, .paused,
            .override, .dryRun, .recommendOnly, .off, .disabled, .budgetDenied, .outranked,
            .stabilized, .rateLimited, .directionDisabled, .scheduleFloor, .scheduleCeiling, .inboundFloor, .failoverFloor,
            .regionDown, .frozen, .awaitingApproval, .doubted, .rolledBack, .scaleUpLimit, .restart, .restartHeld:
            break
        }
    }

    @Test("reasons have distinct codes")
    func codes() {
        #expect(Set(Self.reasons.map(\.code)).count == Self.reasons.count)
    }

    static let refused: [(String, String)] = [
        (#"{"code":"because"}"#, "/code"), (#"{"code":"restart-held(mood)","by":"memory > 90"}"#, "/code"), (#"{"code":"stale(cpu"}"#, "/code"),
        (#"{"code":"cooldown"}"#, "/until"),
        (#"{"code":"cooldown","until":"noon"}"#, "/until"), (#"{"until":1}"#, "/code"),
        (#"{"code":"paused","by":1,"until":"2026-01-01T00:00:00Z"}"#, "/by"),
    ]
    @Test("a reason that this version does not know is refused with its place", arguments: Self.refused)
    func refuses(text: String, pointer: String) throws {
        let json = try JSON(parsing: text)
        let error = #expect(throws: JSONError.self) { try Reason(json: json) }
        #expect(error?.pointer == pointer)
    }

    static func decision() -> Decision {
        Decision(
            workload: WorkloadID(service: "transcode", region: "eu-west"),
            policy: Decision.PolicyReference(name: "transcode", version: 7, sha256: "ab12"), at: Self.time, kind: .up,
            from: 4, to: 6, wanted: 8,
            acted: true,
            readings: [
                Reading(
                    metric: "queue", value: Quantity(180), unit: "jobs", quality: .fresh, age: .milliseconds(3100),
                    maxAge: .seconds(120),
                    window: "1m avg", source: "sql", target: Quantity(25), ratio: Quantity(milli: 1800)),
                Reading(
                    metric: "cpu", quality: .missing, maxAge: .seconds(60), source: "sql", missing: .nonFinite,
                    evidence: "NaN"),
            ],
            proposals: [
                Decision.Proposal(rule: "track(queue)", replicas: 8, because: "ceil(180 / 25)"),
                Decision.Proposal(
                    rule: "track(cpu)", replicas: nil, because: "cpu is missing", abstains: .missing(metric: "cpu")),
            ],
            steps: [
                Decision.Step(.proposals, input: 4, output: 8),
                Decision.Step(.combine, input: 8, output: 8, text: "max of 1"),
                Decision.Step(.cooldown, input: 8, output: 6, text: "cooldown", reason: .cooldown(until: Self.time)),
            ],
            reasons: Self.reasons, confidence: Quantity(milli: 780), urgency: .medium,
            sentence: "queue 180 / 25 per replica wants 8 → 6")
    }

    @Test("a decision survives its JSON form")
    func decisionRoundTrip() throws {
        let decision = Self.decision()
        let bytes = decision.json.canonical()
        let back = try Decision(json: JSON(parsing: bytes))
        #expect(back == decision)
        #expect(back.json.canonical() == bytes)
    }

    @Test("a held decision about an unobserved workload survives its JSON form")
    func unobserved() throws {
        var decision = Self.decision()
        (decision.from, decision.to, decision.wanted, decision.kind, decision.acted) = (nil, nil, nil, .held, false)
        #expect(try Decision(json: JSON(parsing: decision.json.canonical())) == decision)
    }

    @Test("explicit nulls read as absent")
    func nulls() throws {
        guard case .object(var fields) = Self.decision().json else { return }
        fields["from"] = .null
        #expect(try Decision(json: .object(fields)).from == nil)
    }

    static let broken: [(String, JSON, String)] = [
        ("workload", "transcode", "/workload"),
        ("policy", ["name": "x", "version": "1", "sha256": ""], "/policy/version"), ("kind", "sideways", "/kind"),
        ("from", "4", "/from"), ("readings", [["metric": "queue"]], "/readings/0/maxAge"),
        ("steps", [["step": "jump", "in": 1, "out": 1]], "/steps/0/step"),
        ("proposals", [["rule": "x", "because": "y", "replicas": "3"]], "/proposals/0/replicas"),
        ("confidence", "high", "/confidence"),
        ("reasons", [["code": "why"]], "/reasons/0/code"), ("acted", 1, "/acted"), ("at", "now", "/at"),
    ]
    @Test("a broken field is refused with its place", arguments: Self.broken)
    func brokenField(name: String, value: JSON, pointer: String) {
        guard case .object(var fields) = Self.decision().json else { return }
        fields[name] = value
        let json = JSON.object(fields)
        let error = #expect(throws: JSONError.self) { try Decision(json: json) }
        #expect(error?.pointer == pointer)
    }

    @Test("a pause and an override survive their JSON forms, in every scope")
    func holds() throws {
        let until = Self.time + .seconds(60)
        for text in ["all", "region:eu-west", "service:checkout", "policy:transcode", "checkout/eu-west"] {
            let scope = try #require(Pause.Scope(text))
            #expect(scope.description == text)
            let pause = Pause(
                id: 7, scope: scope, direction: .down, owner: "anna", reason: "sale", since: Self.time, until: until)
            #expect(try Pause(json: JSON(parsing: pause.json.canonical())) == pause)
            var hold = pause
            hold.rolledBack = 12
            #expect(try Pause(json: JSON(parsing: hold.json.canonical())) == hold && hold.json["rolledBack"] == "a-12")
            #expect(throws: JSONError.self) { try Pause(json: .object((hold.json.objectValue ?? [:]).merging(["rolledBack": "d-12"]) { $1 })) }
        }
        for text in ["", "region:", "zone:eu", "/", "a/b/c"] { #expect(Pause.Scope(text) == nil) }
        let override = Override(
            workload: WorkloadID(service: "checkout", region: "eu-west"), replicas: 12, owner: "anna", reason: "sale",
            since: Self.time, until: until)
        #expect(try Override(json: JSON(parsing: override.json.canonical())) == override)
    }
}
