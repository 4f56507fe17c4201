import HTTPTypes
import Model
import Store

/// Decisions and actions, newest first.
extension API {
    func decisions(_ call: Call) async throws -> Answer {
        let query = call.query
        let limit = query.limit
        // One more than asked for tells whether there is a next page.
        let found = try await self.store.decisions(
            DecisionFilter(
                workload: try Self.workloadFilter(query), service: query["service"], region: query["region"], policy: query["policy"],
                kind: query["kind"].flatMap { Decision.Kind(rawValue: $0) }, since: query.time("since"), until: query.time("until"),
                before: try Cursor.number(query["cursor"], of: call.route.operationID, filter: query), limit: limit + 1))
        return Self.page(found, limit: limit, call: call, number: \.id, json: \.json)
    }

    func decision(_ call: Call) async throws -> Answer {
        guard let id = Self.number(call.part("id"), prefix: "d-"), let decision = try await self.store.decision(id: id) else {
            throw Problem(.notFound, "No decision is called “\(call.part("id"))”.", next: "muster get decisions")
        }
        return Answer(.ok, decision.json)
    }

    func actions(_ call: Call) async throws -> Answer {
        let query = call.query
        let limit = query.limit
        let found = try await self.store.actions(
            ActionFilter(
                open: query["open"] == "true", workload: try Self.workloadFilter(query),
                before: try Cursor.number(query["cursor"], of: call.route.operationID, filter: query), limit: limit + 1))
        return Self.page(found, limit: limit, call: call, number: \.id, json: { $0.json() })
    }

    func action(_ call: Call) async throws -> Answer {
        guard let id = Self.number(call.part("id"), prefix: "a-"), let action = try await self.store.action(id: id) else {
            throw Problem(.notFound, "No action is called “\(call.part("id"))”.", next: "muster get actions")
        }
        let ready = action.state.isOpen ? try await self.store.workload(action.workload)?.ready : nil
        return Answer(.ok, action.json(ready: ready))
    }

    private static func workloadFilter(_ query: Query) throws(Problem) -> WorkloadID? {
        guard let text = query["workload"] else { return nil }
        guard let id = WorkloadID(text) else {
            throw Problem(.badRequest, "The parameter “workload” must be SERVICE/REGION.", members: ["parameter": "workload"])
        }
        return id
    }

    /// A page of a list that the database cut: `found` holds one item more than `limit` when there is a next page.
    static func page<Item>(_ found: [Item], limit: Int, call: Call, number: (Item) -> Int64, json: (Item) -> JSON) -> Answer {
        let items = found.prefix(limit)
        let next =
            found.count > limit
            ? items.last.map { Cursor.text(position: String(number($0)), of: call.route.operationID, filter: call.query) } : nil
        return Page(items: items.map(json), next: next).answer(call)
    }

    /// The number in `d-88238`; nil for anything else.
    static func number(_ text: String, prefix: String) -> Int64? {
        guard text.hasPrefix(prefix), let number = Int64(text.dropFirst(prefix.count)), number >= 0, "\(prefix)\(number)" == text else { return nil }
        return number
    }
}
