import Model

/// Calls on targets: late, lost, answered late.
extension Simulation {
    mutating func call(_ target: Int, _ node: Int, _ call: TargetCall) {
        guard let work = self.nodes[node].work, self.nodes[node].targetsCutUntil <= self.now else { return }
        // Some arrive long after their caller gave them up.
        let delay = self.faultsOn && self.oneIn(25) ? self.pick(100_000...9_000_000) : self.latency()
        self.schedule(delay, .call(target: target, node: node, run: self.nodes[node].run, term: work.number, work.token, call))
    }

    mutating func handle(
        _ call: TargetCall, _ target: Int, _ node: Int, _ run: Int, _ term: Int, _ token: FencingToken, _ event: Event
    ) {
        var answer: TargetCall?
        switch call {
        case .read: answer = .readAnswer(version: self.targets[target].version)
        case .touch(let version):
            let accepted = version == self.targets[target].version
            if accepted {
                self.targets[target].version += 1
                self.targets[target].touched = max(token, self.targets[target].touched)
            } else {
                self.count(.touchRejected)
            }
            answer = .touchAnswer(version: accepted ? self.targets[target].version : nil)
        case .write(let version): answer = .writeAnswer(version: self.write(target, version, token))
        default:
            guard self.reaches(node, run, event), let work = self.nodes[node].work, work.number == term else { return }
            self.answered(call, target, node, work)
        }
        if let answer, !self.oneIn(200) {
            self.schedule(self.latency(), .call(target: target, node: node, run: run, term: term, token, answer))
        }
    }

    private mutating func write(_ target: Int, _ version: Int64, _ token: FencingToken) -> Int64? {
        guard self.targets[target].comparesVersions else {
            if token < self.targets[target].touched { self.count(.lateAbsoluteWrite) }
            self.targets[target].touched = max(token, self.targets[target].touched)
            return 0
        }
        guard version == self.targets[target].version || self.bug == .noPrecondition else {
            self.count(.lateWriteRejected)
            return nil
        }
        self.checkWrite(target, token)
        self.targets[target].version += 1
        return self.targets[target].version
    }

    private mutating func answered(_ call: TargetCall, _ target: Int, _ node: Int, _ work: SimulatedNode.Work) {
        switch call {
        case .readAnswer(let version):
            self.nodes[node].work?.versions[target] = version
            if !work.touched[target], self.mayAct(node, work) { self.call(target, node, .touch(version: version)) }
        case .touchAnswer(let version):
            self.nodes[node].work?.versions[target] = version
            self.nodes[node].work?.touched[target] = version != nil
        case .writeAnswer(let version):
            // Somebody else wrote: read and touch again.
            self.nodes[node].work?.versions[target] = version
            if version == nil, self.targets[target].comparesVersions { self.nodes[node].work?.touched[target] = false }
        default: break
        }
    }
}
