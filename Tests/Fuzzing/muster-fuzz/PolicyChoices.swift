import Model

/// Policies as lint would let them pass, and with numbers from the ends of their ranges, which only a broken store could hold.
extension EvaluatorFuzz {
    static func policy(_ choices: inout Choices) -> Policy {
        let names = ["a", "b", "c"]
        let metrics = names.map { name in
            Metric(
                name: name, source: .sql(connection: "jobs", statement: "select 1"),
                window: choices.chance(50)
                    ? Metric.Window(last: .seconds(choices.int(1...120)), aggregate: choices.pick(Metric.Aggregate.allCases)) : nil,
                maxAge: .seconds(choices.int(1...120)))
        }
        let min = choices.int(0...5)
        var policy = Policy(
            name: "transcode", selector: Selector(), mode: choices.chance(20) ? choices.pick(Policy.Mode.allCases) : .live, minReplicas: min,
            maxReplicas: min + choices.int(0...200), metrics: metrics, rules: (0..<choices.int(1...4)).map { _ in Self.rule(choices.pick(names), &choices) })
        policy.combine = choices.pick(Policy.Combine.allCases)
        policy.arithmetic = choices.pick(Policy.Arithmetic.allCases)
        policy.cooldown = Policy.Cooldown(up: .seconds(choices.int(0...90)), down: .seconds(choices.int(0...90)))
        if choices.chance(30) { policy.preset = choices.pick(Preset.allCases) }
        if choices.chance(50) { policy.behavior = Behavior(scaleUp: Self.rules(&choices), scaleDown: Self.rules(&choices)) }
        if choices.chance(30) {
            policy.emergency = Policy.Emergency(
                when: Self.condition(&choices, depth: 3), replicas: choices.chance(50) ? .max : .count(choices.int(0...40)))
        }
        if choices.chance(50) { policy.onMissing = Self.ladder(&choices) }
        if choices.chance(30) { policy.metrics[0].onMissing = Self.ladder(&choices) }
        if choices.chance(30) { policy.plausible = Policy.Plausible(maxDrop: Quantity(choices.int(0...100)), per: .seconds(choices.int(1...60))) }
        if choices.chance(30) { policy.approval = Policy.Approval(above: choices.int(0...5)) }
        if choices.chance(30) {
            // Each of another effect: no two are the same guard.
            policy.guards = [.notify(.info), .restart, .notify(.warning)].prefix(choices.int(1...3)).map { effect in
                Policy.Guard(
                    when: Self.condition(&choices, depth: 2), sustained: .seconds(choices.int(0...30)), effect: effect,
                    atMost: .init(count: choices.int(1...5), per: .seconds(choices.int(1...90))))
            }
        }
        return policy
    }

    private static func amount(_ choices: inout Choices) -> Quantity {
        if choices.chance(15) { return Quantity(milli: choices.pick([.max, .min, 0, 1, -1])) }
        return Quantity(milli: Int64(choices.int(0...65_535)) * choices.pick([1, 10]))
    }

    private static func ladder(_ choices: inout Choices) -> [Policy.MissingStep] {
        let steps: [Policy.MissingStep] = [
            .hold(.seconds(choices.int(0...60))), .secondary, .lastGood(.seconds(choices.int(0...60))), .replicas(choices.int(0...40)),
        ]
        return steps.filter { _ in choices.chance(60) }
    }

    private static func rules(_ choices: inout Choices) -> ScalingRules {
        let policies = (0..<choices.int(1...3)).map { _ in
            RatePolicy(
                choices.chance(50) ? .replicas(choices.pick([1, 2, 4, 0, .max, -3])) : .percent(choices.int(0...200)),
                period: .seconds(choices.int(1...90)))
        }
        return ScalingRules(
            stabilizationWindow: choices.chance(70) ? .seconds(choices.int(0...120)) : nil, select: choices.pick([nil, .max, .min, .disabled]),
            policies: choices.chance(70) ? policies : nil, tolerance: choices.chance(30) ? Quantity(milli: Int64(choices.int(0...500))) : nil)
    }

    private static func rule(_ metric: String, _ choices: inout Choices) -> Rule {
        let step: Rule.Step.Amount =
            choices.chance(20)
            ? choices.pick([.replicas(.max), .replicas(.min), .percent(.max), .percent(.min)])
            : choices.chance(50) ? .replicas(choices.int(1...4)) : .percent(choices.int(1...100))
        let body: Rule.Body
        switch choices.byte() % 5 {
        case 0: body = .track(.init(metric: metric, target: .averageValue(Self.amount(&choices))))
        case 1: body = .track(.init(metric: metric, target: .averageUtilization(Self.amount(&choices))))
        case 2: body = .track(.init(metric: metric, target: .value(Self.amount(&choices)), tolerance: Quantity(milli: Int64(choices.int(0...500)))))
        case 3:
            body = .step(
                .init(
                    metric: metric, above: choices.chance(80) ? Self.amount(&choices) : nil, add: step,
                    below: choices.chance(80) ? Self.amount(&choices) : nil, remove: step, sustained: .seconds(choices.pick([0, 0, 15, 40]))))
        default:
            body = .capacity(
                .init(
                    metric: metric, perReplica: Self.amount(&choices), upAt: Quantity(milli: 800), downAt: Quantity(milli: Int64(choices.int(0...900))),
                    step: choices.pick([1, 2, .max])))
        }
        return Rule(body, weight: choices.chance(50) ? Quantity(milli: Int64(choices.int(1...1000))) : Self.amount(&choices))
    }

    private static func condition(_ choices: inout Choices, depth: Int) -> Expression {
        switch depth == 0 ? 0 : choices.byte() % 5 {
        case 1: .and(Self.condition(&choices, depth: depth - 1), Self.condition(&choices, depth: depth - 1))
        case 2: .or(Self.condition(&choices, depth: depth - 1), Self.condition(&choices, depth: depth - 1))
        case 3: .not(Self.condition(&choices, depth: depth - 1))
        default:
            .comparison(choices.pick(Expression.Comparison.allCases), Self.number(&choices, depth: depth), Self.number(&choices, depth: depth))
        }
    }

    private static func number(_ choices: inout Choices, depth: Int) -> Expression {
        switch depth == 0 ? choices.byte() % 2 : choices.byte() % 6 {
        case 0: .metric(choices.pick(["a", "b", "c"]))
        case 1: .number(Self.amount(&choices))
        case 2: .negate(Self.number(&choices, depth: depth - 1))
        case 3:
            .arithmetic(
                choices.pick(Expression.Arithmetic.allCases), Self.number(&choices, depth: depth - 1), Self.number(&choices, depth: depth - 1))
        case 4:
            .call(
                choices.pick(Expression.Function.allCases), (0..<choices.int(1...2)).map { _ in Self.number(&choices, depth: depth - 1) })
        default: .change(metric: choices.pick(["a", "b", "c"]), over: .seconds(choices.int(1...90)))
        }
    }
}
