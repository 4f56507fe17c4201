public import Model

/// What is remembered of one workload, where evaluations work on it: the cells of a ``Program``, filled once and then only changed. ``Memory`` says the same
/// in words; between two evaluations nobody needs the words.
///
/// What was read from what another leader left stays in words until its policy's first evaluation, which is also how it comes from one version of a policy to
/// the next.
public struct Facts: Sendable {
    private enum Form: Sendable {
        case written(Written)
        case laid(LaidOut)
    }
    /// Large, and seldom: an object, so that many facts are small.
    private final class Written: Sendable {
        let memory: Memory
        init(_ memory: Memory) { self.memory = memory }
    }
    private var form: Form

    /// A log's times are kept in 32 bits of milliseconds. Facts that have not been touched for longer than this are laid out anew, in which what is too old
    /// for the policy is dropped.
    static let longestUntouched = Duration.seconds(7 * 24 * 3600)

    /// In words, until they are first evaluated.
    public init(_ memory: Memory) { self.form = .written(Written(memory)) }

    /// In words.
    public var memory: Memory {
        switch self.form {
        case .written(let written): written.memory
        case .laid(let laid): laid.read { Memory($0, laid.program, at: laid.at) }
        }
    }

    /// For how many evaluations a value of the metric has held without being believed; nil: nothing is remembered of the metric.
    public func doubtedFor(_ metric: String) -> Int? { self.series(metric)?.doubtedFor }

    /// The value of the metric that was believed last; nil: none.
    public func believed(_ metric: String) -> Sample? { self.series(metric)?.believed }

    private func series(_ metric: String) -> (believed: Sample?, doubtedFor: Int)? {
        switch self.form {
        case .written(let written): return written.memory.series(of: metric).map { ($0.believed, $0.doubtedFor) }
        case .laid(let laid):
            guard let index = laid.program.distinctMetrics.firstIndex(where: { $0.name == metric }) else { return nil }
            let place = laid.program.metrics[index].cells.doubt
            guard place >= 0 else { return (nil, 0) }
            return laid.read { ($0.sample(place), Int($0[place + 2])) }
        }
    }

    /// Runs `body` on the cells, laid out as `program` has them.
    mutating func withCells<R>(of program: Program, at now: WallTime, _ body: (Cells) -> R) -> R {
        let (laid, result) = LaidOut.make(program, at: now) { cells in
            if case .laid(let known) = self.form, known.program === program, known.isLegible(at: now) {
                known.read { cells.copy($0, program) }
            } else {
                cells.clear(program)
                program.fill(cells, from: self.memory, at: now)
            }
            return body(cells)
        }
        self.form = .laid(laid)
        return result
    }

    /// As ``Memory/write(to:after:)`` writes the same, byte for byte.
    public func write(to writer: inout PackedWriter, after base: WallTime) {
        switch self.form {
        case .written(let written): written.memory.write(to: &writer, after: base)
        case .laid(let laid): laid.read { $0.write(to: &writer, laid.program, at: laid.at, after: base) }
        }
    }
}

extension Facts: Hashable {
    /// The same in words: how they are kept makes no difference.
    public static func == (left: Facts, right: Facts) -> Bool { left.memory == right.memory }
    public func hash(into hasher: inout Hasher) { hasher.combine(self.memory) }
}

/// The cells of one workload in one object, which never changes once it is made.
///
/// `@unchecked Sendable`: so it is only read.
private final class LaidOut: @unchecked Sendable {
    let program: Program
    /// When they were evaluated.
    let at: WallTime
    private let base: UnsafeMutablePointer<Int64>

    private init(_ program: Program, at: WallTime) {
        self.program = program
        self.at = at
        self.base = .allocate(capacity: program.cells.count)
    }

    deinit { self.base.deallocate() }

    /// - Parameter fill: is to write to all cells before it reads them.
    static func make<R>(_ program: Program, at: WallTime, _ fill: (Cells) -> R) -> (LaidOut, R) {
        let made = LaidOut(program, at: at)
        return (made, fill(Cells(base: made.base)))
    }

    /// Whether the logs' times still say when they were.
    func isLegible(at now: WallTime) -> Bool {
        let apart = now - self.at
        return apart.microseconds.magnitude < Facts.longestUntouched.microseconds.magnitude
    }

    func read<R>(_ body: (Cells) -> R) -> R { body(Cells(base: self.base)) }
}
