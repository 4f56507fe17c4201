/// The statements that a write begins and ends with, and those of a leader's commit.
enum WriteSQL {
    static let tree = "\(Self.treeAsItStands) FOR UPDATE"
    /// Its row stays everybody's.
    static let treeAsItStands = "SELECT size, root, frontier, epoch, integrated_at FROM muster.audit_tree WHERE origin = $1"

    static let standing = """
        SELECT clock_timestamp() AS now, (SELECT epoch FROM muster.leader WHERE cluster = $1 AND shard = $2) AS epoch,
               (SELECT nseq FROM muster.audit_origin WHERE node = $3 AND boot_id = $4::uuid) AS nseq
        """

    static let insertEvents = """
        INSERT INTO muster.audit_event (seq, integrated_at, epoch, id, type, severity, actor_id, subject_id, decision_id, leaf, leaf_hash)
        SELECT e.seq, $11::timestamptz, $2::bigint, e.id, e.type, e.severity, e.actor_id, e.subject_id, e.decision_id, e.leaf, e.leaf_hash
        FROM unnest($1::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[])
            AS e (seq, id, type, severity, actor_id, subject_id, decision_id, leaf, leaf_hash)
        """

    static let updateTree =
        "UPDATE muster.audit_tree SET size = $2, root = $3, frontier = $4, epoch = $5, integrated_at = $6 WHERE origin = $1"

    static let upsertOrigin = """
        INSERT INTO muster.audit_origin (node, boot_id, nseq) VALUES ($1, $2::uuid, $3)
        ON CONFLICT (node, boot_id) DO UPDATE SET nseq = excluded.nseq
        """

    // MARK: - A leader's commit

    static let decisionNumbers = "SELECT nextval('muster.decision_id') AS id FROM generate_series(1, $1::int)"
    static let actionNumbers = "SELECT nextval('muster.action_id') AS id FROM generate_series(1, $1::int)"

    /// Looks like them, and takes none.
    static let noNumbers = "SELECT n::bigint AS id FROM generate_series(1, $1::int) n"

    static let openActions = """
        SELECT \(Store.actionColumns) FROM muster.action WHERE shard = $1 AND (service, region) IN (SELECT * FROM unnest($2::text[], $3::text[]))
            AND state IN \(Store.openStates)
        """

    static let insertDecision = RowInsert(
        """
        INSERT INTO muster.decision (id, idem, shard, epoch, writer_epoch, node, at, seq, service, region, policy, policy_version, kind,
                                     replicas_from, replicas_to, acted, sentence, body)
        """, columns: ["", "::uuid"] + Array(repeating: "", count: 16))

    static let insertAction = RowInsert(
        """
        INSERT INTO muster.action (id, idem, decision_id, shard, epoch, writer_epoch, service, region, kind, replicas_from, replicas_to,
                                   precondition, state, attempt, need_ready, deadline, created_at, updated_at, history)
        """, columns: ["", "::uuid"] + Array(repeating: "", count: 17))

    static let updateAction = "UPDATE muster.action SET writer_epoch = $2, state = $3, attempt = $4, updated_at = $5, history = $6 WHERE id = $1"

    static let upsertWorkload = RowInsert(
        """
        INSERT INTO muster.workload (shard, service, region, writer_epoch, policy, policy_version, evaluated_at, desired, current, ready,
                                     observed_at, evaluation, decision_id)
        """, columns: Array(repeating: "", count: 13),
        tail: """
            ON CONFLICT (shard, service, region) DO UPDATE SET writer_epoch = excluded.writer_epoch, policy = excluded.policy,
                policy_version = excluded.policy_version, evaluated_at = excluded.evaluated_at, desired = excluded.desired,
                current = excluded.current, ready = excluded.ready, observed_at = excluded.observed_at,
                evaluation = excluded.evaluation, decision_id = coalesce(excluded.decision_id, muster.workload.decision_id)
            """)

    static let upsertPage = """
        INSERT INTO muster.memory_page (shard, page, writer_epoch, body) VALUES ($1, $2, $3, $4)
        ON CONFLICT (shard, page) DO UPDATE SET writer_epoch = excluded.writer_epoch, body = excluded.body
        """
    static let newMemoryVersion = """
        INSERT INTO muster.memory_version (shard, writer_epoch) VALUES ($1, $2)
        ON CONFLICT (shard) DO UPDATE SET writer_epoch = excluded.writer_epoch, version = gen_random_uuid()
        """
    static let deletePages = "DELETE FROM muster.memory_page WHERE shard = $1 AND page >= $2"

    static let upsertRound = """
        INSERT INTO muster.round (shard, writer_epoch, at, summary) VALUES ($1, $2, $3, $4)
        ON CONFLICT (shard) DO UPDATE SET writer_epoch = excluded.writer_epoch, at = excluded.at, summary = excluded.summary
        """

    static let upsertRegion = """
        INSERT INTO muster.region_state (shard, region, writer_epoch, state, since, facts) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (shard, region) DO UPDATE SET writer_epoch = excluded.writer_epoch, state = excluded.state, since = excluded.since,
            facts = excluded.facts
        """

    /// What the first commits of a new leader consist of, for a session that is to be ready for them.
    static let ofLeader = [
        tree, standing, insertEvents, updateTree, upsertOrigin, decisionNumbers, actionNumbers, openActions, insertDecision.single, insertAction.single,
        updateAction, upsertWorkload.single, upsertPage, newMemoryVersion, deletePages, upsertRound,
    ]
}
