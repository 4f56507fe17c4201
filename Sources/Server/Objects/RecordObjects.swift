import Manifests
import Membership
import Model
import Store

extension DecisionRecord {
    /// The decision with what only its record knows: number, event, epoch, node and action.
    var json: JSON {
        var fields = self.decision.json.objectValue ?? [:]
        fields["id"] = Self.name(self.id).json
        fields["seq"] = .int(self.seq)
        fields["epoch"] = .int(self.epoch)
        fields["node"] = self.node.json
        fields["action"] = self.action.map { ActionRecord.name($0).json } ?? .null
        return .object(fields)
    }
}

extension ActionRecord {
    /// - Parameter ready: of its workload, when it is the one under way.
    func json(ready: Int? = nil) -> JSON {
        let last = self.history.last
        return .fields([
            "id": Self.name(self.id).json,
            "decision": DecisionRecord.name(self.decision).json,
            "workload": self.workload.description.json,
            "epoch": .int(self.epoch),
            "kind": self.kind.rawValue.json,
            "from": self.from.json,
            "to": self.to.json,
            "state": self.state.rawValue.json,
            "states": .array(self.history.map(\.json)),
            "ready": ready.json,
            "needReady": self.needReady.json,
            "outcome": self.state.isOpen
                ? .null : .fields(["state": self.state.rawValue.json, "at": last?.at.json, "text": last?.text?.json, "evidence": last?.evidence?.json]),
            "attempt": self.attempt.json,
            "precondition": .fields(["version": self.precondition?.json, "replicas": self.from.json]),
            "until": self.deadline.json,
            "at": self.createdAt.json,
        ])
    }
}

extension Switch {
    var json: JSON {
        .fields([
            "enabled": .bool(self.enabled),
            // Nobody has touched it yet in a new cluster.
            "by": self.actor.isEmpty ? .null : self.actor.json,
            "reason": self.reason.json, "at": self.at?.json,
        ])
    }
}

extension TokenRecord {
    /// Everything but the secret, which nobody has any more.
    var json: JSON {
        .fields([
            "id": self.id.json, "name": self.name.json, "role": self.role.rawValue.json, "createdBy": self.createdBy.json,
            "createdAt": self.createdAt.json, "expiresAt": self.expiresAt.json, "revokedAt": self.revokedAt.map(\.json) ?? .null,
        ])
    }
}

extension DenialRecord {
    var json: JSON {
        .fields([
            "id": .int(self.id), "serial": self.what.serial?.json, "node": self.what.node?.json, "reason": self.reason.json, "by": self.actor.json,
            "at": self.at.json,
        ])
    }
}

extension EventRecord {
    /// The index columns, the leaf as its exact text, and what it says. A verifier needs the leaf; the columns are there to be compared with it.
    var json: JSON {
        let text = String(decoding: self.leaf, as: UTF8.self)
        let event = try? JSON(parsing: self.leaf)
        return .fields([
            "seq": .int(self.seq),
            "id": self.id.json,
            "type": self.type.json,
            "severity": self.severity.json,
            "at": self.integratedAt.json,
            // With microseconds, as the leaf has it: a verifier compares the two.
            "integratedAt": self.integratedAt.rfc3339(fractionDigits: 6).json,
            "epoch": .int(self.epoch),
            "actor": event?["actor"] ?? ["id": self.actorID.json],
            "actorId": self.actorID.json,
            "subject": event?["subject"] ?? ["id": self.subjectID.json],
            "subjectId": self.subjectID.json,
            "decisionId": self.decisionID.map { .string($0) } ?? .null,
            "outcome": event?["outcome"]?["status"],
            "leafHash": Hexadecimal.text(self.leafHash).json,
            "leaf": text.json,
            // Absent when the leaf is not JSON any more: somebody edited it, and verify says so.
            "event": event,
        ])
    }
}

/// Manifests as the API shows them.
enum ManifestObject {
    /// One version, with what it changed where that is asked for.
    static func version(_ stored: StoredManifest, isActive: Bool, changes: [JSON]?) -> JSON {
        .fields([
            "kind": stored.reference.kind.rawValue.json,
            "name": stored.reference.name.json,
            "policy": stored.reference.kind == .policy ? stored.reference.name.json : nil,
            "version": stored.version.json,
            "sha256": stored.sha256.json,
            "active": .bool(isActive && stored.canonical != nil),
            "by": stored.actor.json,
            "at": stored.at.json,
            "seq": .int(stored.seq),
            "diff": changes.map { .array($0) },
            "manifest": stored.canonical ?? .null,
        ])
    }

    static func changes(from old: JSON?, to new: JSON?) -> [JSON] { Diff.between(old, new).map(\.json) }

    /// `"7-9f2c41d08a11e6b3"`
    static func etag(_ stored: StoredManifest) -> String { "\"\(stored.version)-\(stored.sha256.prefix(16))\"" }
}

/// A node's condition by when the database last heard of it.
enum NodeCondition: String, CaseIterable {
    case alive, suspect, failed, left

    /// Three beats missed.
    static let suspectAfter = Duration.seconds(3)
    static let failedAfter = Duration.seconds(10)
    /// A node that has been away for this long is history: it counts in no total.
    static let forgottenAfter = Duration.seconds(86_400)

    init(_ node: NodeRecord, now: WallTime) {
        let silence = now - node.seenAt
        if node.leftAt != nil {
            self = .left
        } else if silence <= Self.suspectAfter {
            self = .alive
        } else {
            self = silence <= Self.failedAfter ? .suspect : .failed
        }
    }
}

extension NodeRecord {
    /// - Parameters:
    ///   - leader: as the database has it.
    ///   - peers: what the node that answers knows by its own probes.
    func json(now: WallTime, leader: LeaderRecord, peers: (view: MembershipView, now: Instant)?) -> JSON {
        // What is known of an earlier process of that name says nothing of this one.
        let peer = peers?.view.peers.first { $0.name == self.name && ($0.bootID ?? self.incarnation) == self.incarnation }
        let condition = NodeCondition(self, peer: peer, now: now)
        let leads = condition != .left && leader.held && !leader.resigned && leader.node == self.name
        var fields: [String: JSON?] = [
            "name": self.name.json,
            "region": self.region.json,
            "address": self.address.json,
            "role": leads ? "leader" : self.state["role"] == "leader" ? "follower" : self.state["role"] ?? "follower",
            "state": condition.rawValue.json,
            "version": self.version.json,
            "schema": self.schema.json,
            "bootId": self.incarnation.json,
            "startedAt": self.startedAt.json,
            "seenAt": self.seenAt.json,
            "supervised": .bool(self.state["supervisor"]?.stringValue != nil),
            "silentMs": .int(max(0, (now - self.seenAt).milliseconds)),
            "leftAt": self.leftAt.map(\.json) ?? .null,
        ]
        if let peers, let peer { fields["peer"] = peer.json(now: peers.now) }
        // What the node says of itself, as it says it.
        for name in ["postgres", "clock", "certificate", "degraded", "audit"] where self.state[name] != nil { fields[name] = self.state[name] }
        return .fields(fields)
    }

    var isDegraded: Bool { !(self.state["degraded"]?.arrayValue ?? []).isEmpty }
}
