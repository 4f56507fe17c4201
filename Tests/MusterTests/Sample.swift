/// Manifests and cases for these tests.
enum Sample {
    static let region = "kind: Region\nname: eu-west\nmaxReplicas: 200\n"

    /// What the whole of a small cluster applies: one service in one region, that a person scales.
    static let manual = """
        kind: Region
        name: eu-west
        maxReplicas: 200
        ---
        kind: Connection
        name: jobs
        postgres: "host=127.0.0.1 port=1 dbname=jobs user=reader"
        ---
        kind: Service
        name: transcode
        owner: media
        workloads:
          eu-west: { driver: manual }
        ---
        kind: Policy
        name: transcode
        selector: { services: [transcode], regions: [eu-west] }
        mode: dryRun
        minReplicas: 1
        maxReplicas: 20
        metrics:
          - name: queue
            source: { connection: jobs, sql: "select count(*) as queue from jobs" }
        rules:
          - track: { metric: queue, averageValue: 25 }

        """

    /// The capacity policy of the worked timeline: 1000 mailboxes a worker, up at 80 %, down at 30 %.
    static let mailboxes = """
        kind: Policy
        name: mailboxes
        selector: { services: [mail], regions: ["*"] }
        mode: live
        minReplicas: 1
        maxReplicas: 100
        evaluateEvery: 15s
        metrics:
          - name: mailboxes
            unit: mailboxes
            source: { connection: mail, sql: "select count(*) as mailboxes from mailbox" }
        rules:
          - capacity: { metric: mailboxes, perReplica: 1000, upAt: 0.8, downAt: 0.3, step: 1 }
        cooldown: { up: 2m, down: 10m }

        """
}

/// Whether these are rows under headings: each column begins where its heading does, after two spaces, and nothing is coloured or ends in spaces.
func isAligned(_ lines: [String]) -> Bool {
    guard let heading = lines.first, lines.allSatisfy({ !$0.hasSuffix(" ") && !$0.contains("\u{1B}") && !$0.contains("\t") }) else { return false }
    let characters = Array(heading)
    // A heading may be two words (MAX COST/H); columns are two spaces apart.
    let starts = characters.indices.filter { $0 >= 2 && characters[$0] != " " && characters[$0 - 1] == " " && characters[$0 - 2] == " " }
    return lines.dropFirst().allSatisfy { line in
        let row = Array(line)
        return starts.allSatisfy { start in start >= row.count || (row[start - 1] == " " && row[start - 2] == " ") }
    }
}
