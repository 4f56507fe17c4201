import Manifests
import Model
import Testing

@Suite("Good documents")
struct GoodDocumentTests {
    @Test("the language's example is read completely")
    func example() throws {
        let parsed = Samples.parse(Samples.media)
        #expect(parsed.findings.isEmpty, "\(parsed.findings)")
        try #require(parsed.manifests.count == 7)
        #expect(parsed.manifests.map(\.line) == [1, 6, 9, 14, 19, 28, 61])
        let all = parsed.manifests.map(\.manifest)
        #expect(all[0] == .region(Region(name: "eu-west", costPerReplicaHour: Quantity(milli: 120), maxReplicas: 200)))
        #expect(all[1] == .region(Region(name: "eu-central")))
        #expect(
            all[2]
                == .connection(
                    Connection(
                        name: "jobs", postgres: "host=db dbname=jobs user=muster_read sslmode=verify-full", password: .file("/etc/muster/secrets/jobs"))))
        #expect(
            all[4]
                == .service(
                    Service(
                        name: "transcode", owner: "team-media", priority: 10, startup: .seconds(40),
                        workloads: [
                            "eu-west": .manual, "eu-central": .exec(observe: ["replicas", "transcode"], scale: ["scale", "transcode"]),
                        ])))
        #expect(
            all[6]
                == .budget(Budget(name: "fleet", selector: Selector(regions: ["*"]), maxReplicas: 500, maxCostPerHour: Quantity(60))))
        #expect(Lint.check(parsed, stored: []).isEmpty, "\(Lint.check(parsed, stored: []))")
    }

    @Test("every field of the example's policy arrives")
    func policy() throws {
        guard case .policy(let policy)? = Samples.parse(Samples.media).manifests.first(where: { $0.manifest.kind == .policy })?.manifest else {
            Issue.record("the example has no policy")
            return
        }
        #expect(policy.selector == Selector(services: ["transcode"]))
        #expect(policy.mode == .live)
        #expect((policy.minReplicas, policy.maxReplicas) == (2, 20))
        #expect(policy.metrics[0].window == .init(last: .seconds(60), aggregate: .avg))
        #expect(policy.metrics[0].unit == "jobs")
        #expect(policy.metrics[1].source == .sql(connection: "metrics", statement: "select region, avg(cpu)\nfrom cpu\ngroup by region\n"))
        #expect(policy.metrics[1].maxAge == Metric.defaultMaxAge)
        #expect(
            policy.rules == [
                Rule(.track(.init(metric: "cpu", target: .averageUtilization(Quantity(70))))),
                Rule(.track(.init(metric: "queue", target: .averageValue(Quantity(25)), tolerance: Quantity(milli: 50)))),
                Rule(
                    .step(
                        .init(
                            metric: "queue", above: Quantity(25), add: .replicas(1), below: Quantity(5), remove: .percent(10), sustained: .seconds(30))),
                    weight: Quantity(milli: 400)),
                Rule(.capacity(.init(metric: "mailboxes", perReplica: Quantity(1000)))),
            ])
        #expect(policy.cooldown == .init(up: .seconds(120), down: .seconds(600)))
        #expect(policy.emergency == .init(when: .comparison(.greater, .metric("queue"), .number(Quantity(100))), replicas: .max))
        #expect(policy.onMissing == [.hold(.seconds(120)), .lastGood(.seconds(600)), .replicas(6)])
        #expect(policy.verify == .init())
    }

    @Test("every term of the policy language arrives")
    func terms() throws {
        let parsed = Samples.parse(Samples.terms)
        #expect(parsed.findings.isEmpty, "\(parsed.findings)")
        try #require(parsed.manifests.count == 2)
        #expect(
            parsed.manifests[0].manifest
                == .region(Region(name: "eu-west", failover: .init(to: ["ap-south", "eu-central"], share: Quantity(milli: 750), fade: .seconds(300)))))
        guard case .policy(let policy) = parsed.manifests[1].manifest else {
            Issue.record("not a policy")
            return
        }
        #expect(policy.metrics[0].secondary == .sql(connection: "copy", statement: "select 2"))
        #expect(policy.metrics[0].health == .sql(connection: "jobs", statement: "select 3"))
        #expect(policy.metrics[0].onMissing == [.hold(.seconds(60)), .secondary, .replicas(4)])
        #expect(policy.metrics[1].onMissing == nil)
        #expect(policy.preset == .balanced)
        #expect(
            policy.behavior
                == Behavior(
                    scaleUp: ScalingRules(
                        stabilizationWindow: .zero, select: .min,
                        policies: [RatePolicy(.replicas(4), period: .seconds(15)), RatePolicy(.percent(100), period: .seconds(60))],
                        tolerance: Quantity(milli: 50)), scaleDown: ScalingRules(select: .disabled)))
        #expect(policy.arithmetic == .hpa)
        #expect(policy.cooldown == .init(down: .zero))
        #expect(
            policy.schedule == [
                .init(cron: "0 8 * * MON-FRI", timeZone: "Europe/Berlin", duration: .seconds(36_000), minReplicas: 6),
                .init(cron: "0 22 * * *", duration: .seconds(28_800), maxReplicas: 10),
            ])
        #expect(
            policy.freeze == [.init(cron: "0 18 * * FRI", timeZone: "Europe/Berlin", duration: .seconds(62 * 3600), reason: "weekend freeze")])
        #expect(policy.plausible == .init(maxDrop: Quantity(60), per: .seconds(60), fleetDrop: Quantity(milli: 30_500)))
        #expect(
            policy.guards == [
                .init(when: .comparison(.greater, .metric("errors"), .number(Quantity(5))), sustained: .seconds(120), effect: .notify(.critical)),
                .init(
                    when: .comparison(.greater, .metric("errors"), .number(Quantity(90))), effect: .restart, atMost: .init(count: 2, per: .seconds(900))),
            ])
        #expect(policy.verify == .init(rollback: true))
        #expect(policy.approval == .init(above: 5))
        #expect(policy.regionDownAfter == .seconds(45))
    }

    @Test("the preset is in force where the policy says nothing, and what it says wins")
    func presets() throws {
        guard case .policy(let policy)? = Samples.parse(Samples.terms).manifests.last?.manifest else {
            Issue.record("not a policy")
            return
        }
        let behavior = try #require(policy.inForce.behavior)
        #expect(behavior.scaleUp.select == .min)
        #expect(behavior.scaleDown.select == .disabled)
        #expect(behavior.scaleDown.stabilizationWindow == Preset.balanced.behavior.scaleDown.stabilizationWindow)
        #expect(policy.inForce.cooldown == (.zero, .zero))
        for preset in Preset.allCases {
            guard case .policy(let plain)? = Samples.single(Samples.policy("maxReplicas: 9\npreset: \(preset.rawValue)")) else {
                Issue.record("\(preset)")
                continue
            }
            #expect(plain.behavior == nil)
            #expect(plain.inForce.behavior == preset.behavior)
            #expect(plain.inForce.cooldown == (preset.cooldown.up, preset.cooldown.down) as (Duration?, Duration?))
        }
    }

    @Test("an empty behaviour is HPA's defaults, none is none")
    func emptyBehavior() {
        guard case .policy(let empty)? = Samples.single(Samples.policy("maxReplicas: 9\nbehavior: {}")),
            case .policy(let none)? = Samples.single(Samples.policy("maxReplicas: 9"))
        else {
            Issue.record("not policies")
            return
        }
        #expect(none.behavior == nil)
        #expect(empty.behavior?.defaulted.up == Behavior().defaulted.up)
        #expect(empty.behavior?.defaulted.down == Behavior().defaulted.down)
        #expect(empty.behavior?.scaleDown.stabilizationWindow == .seconds(300))
    }

    @Test("a policy's defaults are those of the model")
    func defaults() throws {
        let expected = Policy(
            name: "p", selector: Selector(), maxReplicas: 9,
            metrics: [Metric(name: "queue", source: .sql(connection: "jobs", statement: "select 1"))],
            rules: [Rule(.track(.init(metric: "queue", target: .averageValue(Quantity(25)))))])
        #expect(Samples.single(Samples.policy("maxReplicas: 9")) == .policy(expected))
    }

    @Test("JSON, in one object or a list of them, is the same as YAML")
    func json() throws {
        let one = #"{"kind":"Region","name":"eu-west","costPerReplicaHour":0.12,"maxReplicas":2e2}"#
        let expected = Manifest.region(Region(name: "eu-west", costPerReplicaHour: Quantity(milli: 120), maxReplicas: 200))
        #expect(Samples.single(one) == expected)
        let two = "[\n\t" + one + ",\n\t{\"kind\":\"Region\",\"name\":\"x\\/y\"}\n]\n"
        let parsed = Samples.parse(two, name: "all.json")
        #expect(parsed.manifests.map(\.manifest) == [expected])
        #expect(parsed.findings.map(\.code) == [.invalidName])
        #expect(parsed.findings.first?.position == SourcePosition(line: 3, column: 26))
        let service = #"{"kind":"Service","name":"s","owner":"\ud83d\ude80 \\ud83d","workloads":{"r":{"driver":"manual"}}}"#
        #expect(Samples.single(service) == .service(Service(name: "s", owner: "🚀 \\ud83d", workloads: ["r": .manual])))
    }

    @Test(
        "byte order mark, Windows and old Macintosh line ends, comments and empty documents change nothing",
        arguments: [
            "\u{FEFF}kind: Region\nname: a\n", "kind: Region\r\nname: a\r\n", "kind: Region\rname: a\r", "# c\n---\n# d\n---\nkind: Region\nname: a\n---\n",
            "%YAML 1.1\n---\nkind: Region\nname: a\n...\n", "--- # c\n{kind: Region, name: a}", "kind: Region\nname: a\n---\n---\n~\n", "kind: Region\nname: a",
            "\n\n---\nkind: Region\nname: a", "kind: 'Region'\nname: !!str a\n",
        ])
    func variants(_ text: String) {
        #expect(Samples.single(text) == .region(Region(name: "a")), "\(Samples.parse(text).findings)")
    }

    @Test("a text without documents holds nothing", arguments: ["", "\n", "# only a comment\n", "---\n", "\u{FEFF}", "[]"])
    func empty(_ text: String) {
        let parsed = Samples.parse(text)
        #expect(parsed.manifests.isEmpty && parsed.findings.isEmpty, "\(parsed.findings)")
    }

    @Test("a program to restart is optional, and part of what a service is")
    func restart() {
        func service(_ restart: String) -> String {
            "kind: Service\nname: s\nworkloads: { eu: { driver: exec, observe: [see], scale: [set]\(restart) } }"
        }
        func target(_ restart: [String]?) -> Manifest {
            .service(Service(name: "s", workloads: ["eu": .exec(observe: ["see"], scale: ["set"], restart: restart)]))
        }
        #expect(Samples.single(service("")) == target(nil))
        #expect(Samples.single(service(", restart: [again, s]")) == target(["again", "s"]))
        for wrong in [", restart: true", ", restart: []", ", restart: [../again]"] {
            #expect(Samples.parse(service(wrong)).findings.first?.pointer.hasPrefix("/workloads/eu/restart") == true, "\(wrong)")
        }
        let manual = "kind: Service\nname: s\nworkloads: { eu: { driver: manual, restart: [again] } }"
        #expect(Samples.parse(manual).findings.map(\.code) == [.unknownField])
    }

    @Test("words that YAML takes for truth or numbers stay text where text is expected")
    func words() {
        let text = "kind: Service\nname: no\nowner: yes\nworkloads: { on: { driver: exec, observe: [see, 1e3, true, ~x], scale: [scale, '', 007] } }"
        let expected = Service(
            name: "no", owner: "yes",
            workloads: ["on": .exec(observe: ["see", "1e3", "true", "~x"], scale: ["scale", "", "007"])])
        #expect(Samples.single(text) == .service(expected), "\(Samples.parse(text).findings)")
    }

    @Test("numbers are exact to the thousandth")
    func numbers() {
        for (written, milli) in [("0.1", 100), ("1e3", 1_000_000), ("0.0010", 1), ("25.", 25_000), (".5", 500), ("\"12.5\"", 12_500), ("+7", 7000)] {
            #expect(
                Samples.single("kind: Region\nname: a\ncostPerReplicaHour: \(written)")
                    == .region(Region(name: "a", costPerReplicaHour: Quantity(milli: Int64(milli)))), "\(written)")
        }
    }

    @Test("anchors and aliases are written out, and stars elsewhere stay stars")
    func aliases() {
        let text = """
            kind: Service
            name: s
            owner: "a *b &c"
            workloads:
              x: &target { driver: exec, observe: &see [see, '*all'], scale: [scale, "*see"] }
              y: *target
              z: { driver: exec, observe: *see, scale: [*word , &word x] }
            """
        let parsed = Samples.parse(text)
        #expect(parsed.findings.map(\.code) == [.syntax])
        #expect(parsed.findings.first?.message.contains("“*word”") == true)
        let good = text.replacing("[*word , &word x]", with: "[&word x, *word ]")
        let target = DriverTarget.exec(observe: ["see", "*all"], scale: ["scale", "*see"])
        #expect(
            Samples.single(good)
                == .service(
                    Service(
                        name: "s", owner: "a *b &c",
                        workloads: ["x": target, "y": target, "z": .exec(observe: ["see", "*all"], scale: ["x", "x"])])), "\(Samples.parse(good).findings)")
    }

    @Test("a rule's weight may stand inside it or beside it")
    func weights() {
        let inside = Samples.single(Samples.policy("maxReplicas: 9", rules: "rules: [{ track: { metric: queue, value: 5, weight: 2 } }]"))
        let beside = Samples.single(Samples.policy("maxReplicas: 9", rules: "rules: [{ track: { metric: queue, value: 5 }, weight: 2 }]"))
        #expect(inside != nil)
        #expect(inside == beside)
    }
}
