import Eventually
import Foundation
import Glibc
import Model
import Testing

/// Two regions with two services each, on the tests' platform; all of a region's programs fail while it is dark.
private struct Regions {
    static let services = ["pay", "cart"]
    static let names = ["west", "east"]
    let cluster: TestCluster
    let platform: Platform

    private var programs: String { "\(self.cluster.directory)/exec.d" }

    /// `pay-west`
    static func key(_ service: String, _ region: String) -> String { "\(service)-\(region)" }

    func prepare(_ loads: [String: Int], fade: String) async throws {
        try await self.platform.prepare()
        for region in Self.names {
            let script = """
                #!/bin/sh
                if [ -e "${0%/*}/state/dark-\(region)" ]; then echo "no route to \(region)" >&2; exit 1; fi
                cat "${0%/*}/state/$1/replicas"

                """
            try write(script, to: "\(self.programs)/observe-\(region)", mode: 0o755)
            for service in Self.services {
                let key = Self.key(service, region)
                try FileManager.default.createDirectory(atPath: "\(self.programs)/state/\(key)", withIntermediateDirectories: true)
                try self.platform.set(key, replicas: 1)
                try await self.platform.load(key, quiet: loads[key] ?? 10)
            }
        }
        try await self.cluster.apply(Self.manifests(fade: fade))
    }

    private static func manifests(fade: String) -> String {
        let services = Self.services.map { service in
            let workloads = Self.names.map { region in
                "  \(region): { driver: exec, observe: [observe-\(region), \(Self.key(service, region))], scale: [scale, \(Self.key(service, region))] }\n"
            }
            return "kind: Service\nname: \(service)\nstartup: 1s\nworkloads:\n\(workloads.joined())---\n"
        }
        return """
            kind: Region
            name: west
            failover: { to: [east], fade: \(fade) }
            ---
            kind: Region
            name: east
            ---
            \(services.joined())kind: Policy
            name: regions
            selector: { regions: [west, east] }
            mode: live
            maxReplicas: 20
            evaluateEvery: 1s
            regionDownAfter: 2s
            metrics:
              - name: load
                maxAge: 5s
                source: { connection: load, sql: "select quiet as load from load where service = :service || '-' || :region" }
            rules:
              - track: { metric: load, averageValue: 10 }
            cooldown: { up: 0s, down: 0s }
            onMissing: ["hold 1h"]

            """
    }

    func darken(_ region: String, _ isDark: Bool) throws {
        let path = "\(self.programs)/state/dark-\(region)"
        if isDark { try write("", to: path) } else { try FileManager.default.removeItem(atPath: path) }
    }

    func reach(_ sizes: [String: Int]) async throws {
        for (key, size) in sizes.sorted(by: { $0.key < $1.key }) {
            try await eventually("\(key) has \(size)", seen: { "it has \(self.platform.replicas(key) ?? -1)\n\(self.cluster.logTails())" }) {
                self.platform.replicas(key) == size
            }
        }
    }

    func state(_ region: String) async throws -> (state: String, since: String?) {
        let found = try await self.cluster.items(["get", "regions"]).first { $0["name"]?.stringValue == region }
        return (found?["state"]?.stringValue ?? "none", found?["since"]?.stringValue)
    }

    /// Other tests of this cluster may have lost regions of their own.
    func events(_ type: String, of region: String) async throws -> [JSON] {
        try await self.cluster.items(["audit", "list", "--type", type, "--limit", "50"]).filter { $0.text.contains("\"\(region)\"") }
    }
}

extension WholeClusters.Leaders {
    @Test("a region that can't be seen is taken over by the other, which has its load until it is back and a while longer, whoever leads")
    func regionLost() async throws {
        let cluster = try TestCluster.current
        let regions = Regions(cluster: cluster, platform: Platform(cluster: cluster))
        try await cluster.adoptAll()
        try await regions.prepare(["pay-west": 60, "cart-west": 30, "pay-east": 20, "cart-east": 10], fade: "6s")
        try await regions.reach(["pay-west": 6, "cart-west": 3, "pay-east": 2, "cart-east": 1])
        #expect(try await regions.state("west") == ("up", nil))

        try regions.darken("west", true)
        try await regions.reach(["pay-east": 8, "cart-east": 4])
        let down = try await regions.state("west")
        #expect(down.state == "down" && down.since != nil)
        let explained = try await cluster.succeed(["explain", "pay/east"])
        #expect(explained.contains("the load of west comes here"), "\(explained)")
        let status = try await cluster.json(["status"])
        #expect(status.text.contains("Region west is down"), "\(status["attention"]?.text ?? "")")
        // What its load says is no reason to lower what nobody can see.
        try await regions.platform.load("pay-west", quiet: 10)

        let killed = try await cluster.leader(after: 0)
        cluster.signal(killed.node, SIGKILL)
        let next = try await cluster.leader(after: killed.epoch)
        try await eventually("the new leader evaluates", seen: { cluster.logTails() }) {
            try await cluster.number(
                "select count(*) from muster.workload where service in ('pay', 'cart') and region in ('west', 'east') and writer_epoch >= \(next.epoch)") == 4
        }
        let still = try await regions.state("west")
        #expect(still == down, "it is down since the same moment")
        try cluster.start(killed.node)
        try await cluster.ready(killed.node)

        try regions.darken("west", false)
        try await regions.reach(["pay-east": 2, "cart-east": 1, "pay-west": 1, "cart-west": 3])
        try await eventually("nothing is left to remember", seen: { cluster.logTails() }) { try await regions.state("west").state == "up" }
        for type in ["region.lost", "failover.started", "region.returned", "failover.ended"] {
            let events = try await regions.events(type, of: "west")
            #expect(events.count == 1, "\(type): \(events)")
        }
        #expect(try await regions.events("failover.started", of: "west").first?.text.contains("pay/east at least 8") == true)
        let west = try regions.platform.effects(["pay-west", "cart-west"]).filter { $0.to < $0.from }
        #expect(west.allSatisfy { $0.service == "pay-west" && $0.from == 6 && $0.to == 1 }, "nothing was lowered there before it could be seen: \(west)")
        try await cluster.expectSoundRecords()
    }
}
