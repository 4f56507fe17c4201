internal import Ledger
internal import Model

extension Write {
    /// What the guards of a policy tell people: events of the evaluation's own commit, so that what the memory counts as told was told.
    func tell(_ notices: [GuardNotice], of record: WorkloadRecord) {
        for notice in notices {
            self.record(
                .guardNotified, severity: Severity(notice.severity), action: .notify, subject: .init(kind: .workload, id: record.id.description),
                by: .policy(record.policy, version: record.policyVersion),
                after: .fields([
                    "guard": .int(Int64(notice.place)), "when": .string(notice.when),
                    "held": notice.held.map { .string($0.rawValue) },
                    "for": notice.sustained > .zero ? .string(notice.sustained.text) : nil, "sentence": .string(notice.sentence),
                ]), cause: .object(["readings": .array(record.evaluation.readings.map(\.json))]))
        }
    }
}

extension Severity {
    init(_ severity: Policy.Guard.Severity) {
        switch severity {
        case .info: self = .info
        case .warning: self = .warning
        case .critical: self = .critical
        }
    }
}
