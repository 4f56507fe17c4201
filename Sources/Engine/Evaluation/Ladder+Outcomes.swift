import Model

/// How changes turned out, which makes later ones the surer or the less sure.
extension Ladder {
    /// Of the last change, once a start-up, a window and an evaluation have passed: whether the reading that drove it has moved towards its target.
    ///
    /// nil: there is none to judge now. One whose reading says nothing by then is judged as soon as it does; one whose rule is gone, never.
    func judge() -> ChangeOutcome? {
        let at = self.cells[CellLayout.Header.pendingAt]
        guard at != Cells.never else { return nil }
        let pending = PendingOutcome(self.cells[CellLayout.Header.pending])
        guard pending.rule < self.program.rules.count, self.program.rules[pending.rule].metric >= 0 else {
            self.cells[CellLayout.Header.pendingAt] = Cells.never
            return nil
        }
        let window = self.program.metrics[self.program.rules[pending.rule].metric].window?.length ?? 0
        let due = at.addingSaturating(self.situation.startup).addingSaturating(window).addingSaturating(self.program.evaluateEvery)
        guard self.now >= due, self.scratch.opinions[pending.rule].lacks == nil else { return nil }
        self.cells[CellLayout.Header.pendingAt] = Cells.never
        let outcome = ChangeOutcome(before: pending.distance, after: self.scratch.opinions[pending.rule].distance)
        var record = TrackRecord(self.cells[CellLayout.Header.record])
        record.add(outcome, up: pending.isUp)
        self.cells[CellLayout.Header.record] = record.bits
        return outcome
    }

    /// A change that a rule drove is to be judged later; one that came about otherwise is not.
    func awaitOutcome(up: Bool) {
        guard self.driving >= 0 else {
            self.cells[CellLayout.Header.pendingAt] = Cells.never
            return
        }
        self.cells[CellLayout.Header.pendingAt] = self.now
        self.cells[CellLayout.Header.pending] =
            PendingOutcome(rule: self.driving, isUp: up, distance: self.scratch.opinions[self.driving].distance).bits
    }
}

/// A change whose outcome is still to be seen, in one cell.
struct PendingOutcome: Sendable, Hashable {
    var rule: Int
    var isUp: Bool
    /// Of the reading from its target when the change was decided, in thousandths.
    var distance: Int64

    /// The greatest distance that is told apart: a thousand times the target.
    static let mostDistance: Int64 = 1_000_000

    init(rule: Int, isUp: Bool, distance: Int64) {
        self.rule = rule
        self.isUp = isUp
        self.distance = min(max(distance, 0), Self.mostDistance)
    }
    init(_ bits: Int64) { self.init(rule: Int(bits >> 32 & 0xFFFF), isUp: bits & 1 << 48 != 0, distance: bits & 0xFFFF_FFFF) }
    var bits: Int64 { Int64(self.rule & 0xFFFF) << 32 | (self.isUp ? 1 << 48 : 0) | self.distance }
}

extension ChangeOutcome {
    /// A reading wanders: less than a hundredth of the target is no movement.
    static let leastMovement: Int64 = 10

    init(before: Int64, after: Int64) {
        self = after + Self.leastMovement < before ? .improved : after > before + Self.leastMovement ? .worse : .unchanged
    }
}
