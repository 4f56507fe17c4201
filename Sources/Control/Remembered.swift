public import Engine
public import Model

/// What a leader leaves of one workload for the next one, who then goes on as if nothing had happened.
public struct Remembered: Sendable, Hashable {
    /// Whose it is.
    public var workload: WorkloadID
    /// What its last evaluation left.
    public var last: LastEvaluation
    /// What its last recorded decision said; nil: none was recorded.
    public var recorded: Recorded?

    public init(
        workload: WorkloadID, evaluatedAt: WallTime, size: Int? = nil, standing: Standing? = nil, recorded: Recorded? = nil, memory: Memory
    ) {
        self.init(workload: workload, last: LastEvaluation(at: evaluatedAt, size: size, standing: standing, facts: Facts(memory)), recorded: recorded)
    }

    init(workload: WorkloadID, last: LastEvaluation, recorded: Recorded?) {
        self.workload = workload
        self.last = last
        self.recorded = recorded
    }
}

/// What a workload's last evaluation leaves for the next one.
public struct LastEvaluation: Sendable, Hashable {
    /// When it was, in cluster time.
    public var at: WallTime
    /// What it takes up under a ceiling until it is evaluated again: what was seen, or more when more was asked for then; not what a look saw since, which is
    /// not stored, so that a new leader would decide otherwise. nil: it was never seen.
    public var size: Int?
    /// What it left for the arbiter, recorded or not.
    public var standing: Standing?
    /// What the engine goes on with.
    public var facts: Facts
}

/// What a leader left, to be gone through in the order of workloads: a lookup by name for each of a hundred thousand would take as long as all else.
struct RememberedInOrder {
    /// By workload, the newest of each.
    private let sorted: [Remembered]
    private var place = 0
    /// Those that nobody asked for.
    private(set) var passedOver: Set<WorkloadID> = []

    init(_ remembered: [Remembered]) {
        // As one leader writes its pages. Between two leaders' pages there may be a workload twice.
        if zip(remembered, remembered.dropFirst()).allSatisfy({ $0.workload < $1.workload }) {
            self.sorted = remembered
        } else {
            let newest = Dictionary(remembered.map { ($0.workload, $0) }, uniquingKeysWith: { $0.last.at > $1.last.at ? $0 : $1 })
            self.sorted = newest.values.sorted { $0.workload < $1.workload }
        }
    }

    /// What is remembered of `workload`; nil: nothing. Asked for in rising order.
    mutating func next(upTo workload: WorkloadID) -> Remembered? {
        while self.place < self.sorted.count, self.sorted[self.place].workload < workload { self.passOver() }
        guard self.place < self.sorted.count, self.sorted[self.place].workload == workload else { return nil }
        self.place += 1
        return self.sorted[self.place - 1]
    }

    /// The rest as well.
    mutating func end() { while self.place < self.sorted.count { self.passOver() } }

    private mutating func passOver() {
        self.passedOver.insert(self.sorted[self.place].workload)
        self.place += 1
    }
}

/// A part of what a leader remembers, as it is stored: many workloads in one block of bytes.
///
/// Almost every evaluation changes what is remembered, by a sample at least. A row for each workload would make the database write a hundred thousand
/// rows for a round of a hundred thousand workloads; so many blocks of ``workloads`` it writes in passing.
public struct MemoryPage: Sendable, Hashable {
    /// Some 10 KB: small against the silence that a session is allowed, large against a row's own cost.
    public static let workloads = 64
    /// The form's version. A later one may hold what this version can't honour, so it is refused rather than misread.
    static let version: UInt64 = 2
    /// The first one says of no metric since when it is asked for, and nothing else in another way.
    private static let oldestVersion: UInt64 = 1

    /// Which page it is, from 0.
    public var number: Int
    /// Its packed form.
    public var bytes: [UInt8]

    /// A page as it was stored.
    public init(number: Int, bytes: [UInt8]) {
        self.number = number
        self.bytes = bytes
    }

    /// Packs what is remembered of some workloads; at most ``workloads`` of them make a page of a leader's.
    public init(number: Int, _ remembered: [Remembered]) {
        self.init(number: number, count: remembered.count) { writer in
            for one in remembered { writer.write(one.workload, one.last, one.recorded) }
        }
    }

    /// - Parameter write: writes of `count` workloads what is remembered.
    init(number: Int, count: Int, _ write: (inout PackedWriter) -> Void) {
        var writer = PackedWriter()
        writer.write(Self.version)
        writer.write(count: count)
        write(&writer)
        self.init(number: number, bytes: writer.bytes)
    }

    /// What is in it.
    /// - Throws: for a page of another form or one that is damaged. Nothing of it is used then.
    public func remembered() throws(MemoryPageError) -> [Remembered] {
        var reader = PackedReader(self.bytes)
        let version: UInt64
        do throws(PackedError) {
            version = try reader.number()
            if (Self.oldestVersion...Self.version).contains(version) {
                var remembered: [Remembered] = []
                for _ in 0..<(try reader.count()) { remembered.append(try Remembered(from: &reader)) }
                return remembered
            }
        } catch {
            throw .damaged(page: self.number, offset: error.offset)
        }
        throw .version(page: self.number, version)
    }
}

/// A page that can't be used: of a newer form, or damaged.
public enum MemoryPageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Its number, and that of its form.
    case version(page: Int, UInt64)
    /// Its number, and the byte from which it can't be read.
    case damaged(page: Int, offset: Int)

    public var description: String {
        switch self {
        case .version(let page, let version):
            "page \(page) of what the last leader remembered has the form \(version), this version of Muster reads up to \(MemoryPage.version): start a node "
                + "of at least the version that wrote it"
        case .damaged(let page, let offset):
            "page \(page) of what the last leader remembered can't be read from byte \(offset) on: restore muster.memory_page from a backup, or delete its rows "
                + "to begin without what was remembered (windows and cooldowns start anew)"
        }
    }
}

// MARK: - The packed form

extension PackedWriter {
    mutating func write(_ workload: WorkloadID, _ last: LastEvaluation, _ recorded: Recorded?) {
        self.write(workload.service)
        self.write(workload.region)
        self.write(last.at.microseconds)
        self.write(UInt64((last.size == nil ? 0 : 1) | (last.standing == nil ? 0 : 2) | (recorded == nil ? 0 : 4)))
        if let size = last.size { self.write(size) }
        last.standing?.write(to: &self, after: last.at)
        recorded?.write(to: &self)
        last.facts.write(to: &self, after: last.at)
    }
}

extension Remembered {
    fileprivate init(from reader: inout PackedReader) throws(PackedError) {
        let workload = WorkloadID(service: try reader.text(), region: try reader.text())
        let at = WallTime(microseconds: try reader.int64())
        let flags = try reader.number()
        let size = flags & 1 == 0 ? nil : try reader.int()
        let standing = flags & 2 == 0 ? nil : try Standing(from: &reader, after: at)
        let recorded = flags & 4 == 0 ? nil : try Recorded(from: &reader)
        let memory = try Memory(from: &reader, after: at)
        self.init(workload: workload, evaluatedAt: at, size: size, standing: standing, recorded: recorded, memory: memory)
    }
}

extension Standing {
    fileprivate func write(to writer: inout PackedWriter, after base: WallTime) {
        writer.write(
            UInt64(
                (self.isUrgent ? 1 : 0) | (self.isBlind ? 2 : 0) | (self.wants == nil ? 0 : 4) | (self.size == nil ? 0 : 8) | (self.need == nil ? 0 : 16)))
        for case let number? in [self.wants, self.size, self.need] { writer.write(number) }
        writer.write(self.at, after: base)
    }

    fileprivate init(from reader: inout PackedReader, after base: WallTime) throws(PackedError) {
        let flags = try reader.number()
        let wants = flags & 4 == 0 ? nil : try reader.int()
        let size = flags & 8 == 0 ? nil : try reader.int()
        let need = flags & 16 == 0 ? nil : try reader.int()
        self.init(
            wants: wants, isUrgent: flags & 1 != 0, isBlind: flags & 2 != 0, size: size, need: need, at: try reader.time(after: base))
    }
}

extension Recorded {
    fileprivate func write(to writer: inout PackedWriter) {
        writer.write(self.policy.name)
        writer.write(self.policy.version)
        writer.write(self.policy.sha256)
        writer.write(self.kind.rawValue)
        writer.write(
            UInt64((self.acted ? 1 : 0) | (self.isNotable ? 2 : 0) | (self.from == nil ? 0 : 4) | (self.to == nil ? 0 : 8)))
        for case let number? in [self.from, self.to] { writer.write(number) }
        writer.write(count: self.codes.count)
        for code in self.codes { writer.write(code) }
    }

    fileprivate init(from reader: inout PackedReader) throws(PackedError) {
        let policy = Decision.PolicyReference(name: try reader.text(), version: try reader.int(), sha256: try reader.text())
        let kind = try reader.text()
        let flags = try reader.number()
        let from = flags & 4 == 0 ? nil : try reader.int()
        let to = flags & 8 == 0 ? nil : try reader.int()
        var codes: [String] = []
        for _ in 0..<(try reader.count()) { codes.append(try reader.text()) }
        self.init(
            policy: policy, kind: Decision.Kind(rawValue: kind) ?? .held, from: from, to: to, acted: flags & 1 != 0, isNotable: flags & 2 != 0,
            codes: codes)
    }
}
