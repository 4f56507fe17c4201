internal import Model
internal import Postgres

extension Store {
    /// Says that this node is alive. Time is the database's: nodes' clocks are not compared with one another.
    public func heartbeat(_ node: NodeRecord) async throws {
        _ = try await self.read(
            """
            INSERT INTO muster.node (name, incarnation, region, address, version, schema, started_at, seen_at, left_at, state)
            VALUES ($1, $2::uuid, $3, $4, $5, $6, clock_timestamp(), clock_timestamp(), NULL, $7)
            ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, region = excluded.region, address = excluded.address,
                version = excluded.version, schema = excluded.schema, seen_at = clock_timestamp(), left_at = NULL, state = excluded.state,
                started_at = CASE WHEN muster.node.incarnation = excluded.incarnation THEN muster.node.started_at ELSE clock_timestamp() END
            """,
            [
                .text(node.name), .text(node.incarnation), .text(node.region), .text(node.address), .text(node.version), .int(Int64(node.schema)),
                .text(node.state.text),
            ])
    }

    /// Says that this run of the node has ended in order.
    /// - Parameter wait: for the database, at most.
    public func leave(incarnation: String, wait: Duration) async throws {
        _ = try await self.read(
            "UPDATE muster.node SET left_at = clock_timestamp() WHERE name = $1 AND incarnation = $2::uuid", [.text(self.node), .text(incarnation)],
            deadline: wait)
    }

    /// All members, also those that have left, by name.
    public func nodes() async throws -> [NodeRecord] {
        let rows = try await self.read(
            "SELECT name, incarnation, region, address, version, schema, started_at, seen_at, left_at, state FROM muster.node ORDER BY name")
        return try rows.map { row in
            NodeRecord(
                name: try row["name"].string(), incarnation: try row["incarnation"].string(), region: try row["region"].string(),
                address: try row["address"].string(), version: try row["version"].string(), schema: Int(try row["schema"].int()),
                startedAt: try row["started_at"].wallTime(), seenAt: try row["seen_at"].wallTime(), leftAt: try row["left_at"].wallTimeOrNil(),
                state: try row["state"].parsedJSON())
        }
    }

    /// Who leads, as the database has it.
    public func leader() async throws -> LeaderRecord {
        let rows = try await self.read(
            """
            SELECT l.node, l.epoch, l.timeline, l.since, l.resigned, EXISTS (SELECT FROM muster.lock_holder h WHERE h.cluster = l.cluster AND h.shard = l.shard) AS held,
                   (SELECT t.node FROM muster.term t WHERE t.cluster = l.cluster AND t.shard = l.shard AND t.epoch < l.epoch ORDER BY t.epoch DESC LIMIT 1) AS previous
            FROM muster.leader l WHERE l.cluster = $1 AND l.shard = $2
            """, [.text(self.cluster), .text(self.shard)])
        guard let row = rows.first else { throw StoreError.notInitialized(cluster: self.cluster) }
        return LeaderRecord(
            node: try row["node"].stringOrNil(), epoch: try row["epoch"].int(), timeline: try row["timeline"].int(),
            since: try row["since"].wallTimeOrNil(), resigned: try row["resigned"].bool(), held: try row["held"].bool(),
            previous: try row["previous"].stringOrNil())
    }
}
