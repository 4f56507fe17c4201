import HTTPTypes
import Model
import Store

/// The audit log, for those who may read it.
extension API {
    func auditEvents(_ call: Call) async throws -> Answer {
        let query = call.query
        let ascending = query["order"] == "asc"
        var filter = EventFilter(
            type: query["type"], actor: query["actor"], subject: query["subject"], severity: query["severity"], since: query.time("since"),
            until: query.time("until"), from: query.int("seqFrom"), to: query.int("seqTo"), ascending: ascending)
        if let last = try Cursor.number(query["cursor"], of: call.route.operationID, filter: query) { filter = filter.after(last) }
        let limit = query.limit
        var events: [EventRecord] = []
        var bytes = 0
        var isMore = true
        // In batches: a page of the largest leaves must not become one result of the database.
        while isMore, events.count <= limit, bytes < Limits.eventPageBytes {
            filter.limit = min(limit + 1 - events.count, Int(Limits.eventBatch))
            let batch = try await self.store.events(filter)
            isMore = batch.count == filter.limit
            events += batch
            bytes += batch.reduce(0) { $0 + $1.leaf.count }
            if let last = batch.last { filter = filter.after(last.seq) }
        }
        let shown = isMore && events.count <= limit ? events.count : min(limit, events.count)
        let isCut = isMore || shown < events.count
        let next =
            isCut && shown > 0
            ? Cursor.text(position: String(events[shown - 1].seq), of: call.route.operationID, filter: query) : nil
        return Page(items: events.prefix(shown).map(\.json), next: next).answer(call)
    }

    func auditEvent(_ call: Call) async throws -> Answer {
        guard let seq = Int64(call.part("seq")), seq >= 0, let event = try await self.store.event(seq: seq) else {
            throw Problem(.notFound, "The log has no event “\(call.part("seq"))”.", next: "muster audit list")
        }
        return Answer(.ok, event.json)
    }

    /// The tree's size and root: what a verifier must come to.
    func auditCheckpoint(_ call: Call) async throws -> Answer {
        let tree = try await self.store.treeHead()
        return Answer(
            .ok,
            .fields([
                "origin": self.store.origin.json, "size": .int(tree.size), "root": tree.size == 0 ? .null : Hexadecimal.text(tree.root).json,
                // The tree's right edge: a verifier compares it, and can go on from it.
                "frontier": Hexadecimal.text(tree.frontier).json, "epoch": .int(tree.epoch),
                "integratedAt": tree.integratedAt?.rfc3339(fractionDigits: 6).json,
                // Nobody vouches for it yet but this node.
                "signed": false,
            ]))
    }
}

extension EventFilter {
    /// The same from behind the event `seq`, in its own direction.
    func after(_ seq: Int64) -> EventFilter {
        var filter = self
        if self.ascending { filter.from = max(seq + 1, self.from ?? 0) } else { filter.to = min(seq - 1, self.to ?? .max) }
        return filter
    }
}
