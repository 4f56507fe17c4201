import HTTPTypes
import Model
import Store

/// Every operation of this version, by subject. What is not here does not exist.
extension Route {
    static let table: [Route] = Self.root + Self.cluster + Self.fleet + Self.manifests + Self.scaling + Self.control + Self.audit + Self.access

    private static let root: [Route] = [
        .get("/healthz", "getHealth", .node, .open, "Whether the process answers") { try await $0.health($1) },
        .get("/readyz", "getReadiness", .node, .open, "Whether traffic should come to this node") { try await $0.readiness($1) },
        .get("/metrics", "getMetrics", .node, .metrics(Access.read.roles), "Metrics in the Prometheus text format") { try await $0.metrics($1) },
        .get("/openapi.yaml", "getOpenAPI", .node, .open, "This document") { try await $0.openAPI($1) },
        .get("/problems/{code}", "getProblem", .node, .open, "What a problem code means") { try await $0.problemPage($1) },
        .get("/v1/me", "getMe", .access, .read, "Who the token is and what it may do") { try await $0.me($1) },
    ]

    private static let cluster: [Route] = [
        .get("/v1/status", "getStatus", .cluster, .read, "The whole first screen in one answer") { try await $0.status($1) },
        .get("/v1/nodes", "listNodes", .cluster, .read, query: Parameter.paging, "The cluster’s nodes") { try await $0.nodes($1) },
        .get("/v1/nodes/{node}", "getNode", .cluster, .read, "One node") { try await $0.node($1) },
        .change(
            .post, "/v1/leader/resign", "resignLeader", .cluster, .operate, audit: "leader.resigned", fields: ["reason", "to"],
            "Hand leadership over to another node"
        ) { try await $0.resign($1) },
    ]

    private static let fleet: [Route] = [
        .get("/v1/regions", "listRegions", .fleet, .read, query: Parameter.paging, "Regions with what runs there") { try await $0.regions($1) },
        .get("/v1/regions/{region}", "getRegion", .fleet, .read, "One region") { try await $0.region($1) },
        .get("/v1/services", "listServices", .fleet, .read, query: Parameter.paging, "Services") { try await $0.services($1) },
        .get("/v1/services/{service}", "getService", .fleet, .read, "One service") { try await $0.service($1) },
        .get("/v1/workloads", "listWorkloads", .fleet, .read, query: Self.workloadFilter + Parameter.paging, "Workloads by name") {
            try await $0.workloads($1)
        },
        .get("/v1/workloads/{service}/{region}", "getWorkload", .fleet, .read, "One workload") { try await $0.workload($1) },
        .get("/v1/workloads/{service}/{region}/decision", "getWorkloadDecision", .fleet, .read, "Its last evaluation, explained") {
            try await $0.workloadDecision($1)
        },
        .get("/v1/policies", "listPolicies", .fleet, .read, query: Parameter.paging, "Policies in force") { try await $0.policies($1) },
        .get("/v1/policies/{policy}", "getPolicy", .fleet, .read, "One policy with its manifest") { try await $0.policy($1) },
        .get("/v1/policies/{policy}/versions", "listPolicyVersions", .fleet, .read, query: Parameter.paging, "Its versions, newest first") {
            try await $0.policyVersions($1)
        },
        .get("/v1/policies/{policy}/versions/{version}", "getPolicyVersion", .fleet, .read, "One version") { try await $0.policyVersion($1) },
        .get("/v1/budgets", "listBudgets", .fleet, .read, query: Parameter.paging, "Budgets with what is used of them") { try await $0.budgets($1) },
    ]

    private static let workloadFilter: [Parameter] = [
        .name("service", repeats: true), .name("region", repeats: true), .name("policy", repeats: true), .name("owner", repeats: true),
        Parameter("mode", .choice(Policy.Mode.allCases.map(\.rawValue)), repeats: true),
        Parameter("state", .choice(WorkloadView.State.allCases.map(\.rawValue)), repeats: true), .name("q"),
    ]

    private static let manifests: [Route] = [
        .question("/v1/manifests/lint", "lintManifests", .manifests, .read, fields: ["files"], "What is wrong or doubtful in manifests") {
            try await $0.lintManifests($1)
        },
        .question("/v1/manifests/diff", "diffManifests", .manifests, .read, fields: ["files"], "What applying manifests would change") {
            try await $0.diffManifests($1)
        },
        .change(
            .post, "/v1/manifests/apply", "applyManifests", .manifests, .administer, audit: "policy.updated", fields: ["files", "expected"],
            "Put manifests in force, all or none"
        ) { try await $0.applyManifests($1) },
        .get(
            "/v1/manifests/export", "exportManifests", .manifests, .read,
            query: [Parameter("kind", .choice(Manifest.Kind.allCases.map(\.rawValue)), repeats: true)], "What is in force, as YAML"
        ) { try await $0.exportManifests($1) },
    ]

    private static let scaling: [Route] = [
        .get(
            "/v1/decisions", "listDecisions", .scaling, .read,
            query: [
                .name("workload"), .name("policy"), .name("region"), .name("service"), Parameter("kind", .choice(Decision.Kind.allCases.map(\.rawValue))),
                .since, .until,
            ] + Parameter.paging, "Decisions, newest first"
        ) { try await $0.decisions($1) },
        .get("/v1/decisions/{id}", "getDecision", .scaling, .read, "One decision with its whole explanation") { try await $0.decision($1) },
        .get(
            "/v1/actions", "listActions", .scaling, .read, query: [Parameter("open", .choice(["true", "false"])), .name("workload")] + Parameter.paging,
            "Changes on their way to platforms, newest first"
        ) { try await $0.actions($1) },
        .get("/v1/actions/{id}", "getAction", .scaling, .read, "One action with its states") { try await $0.action($1) },
    ]

    private static let control: [Route] = [
        .get("/v1/switch", "getSwitch", .control, .read, "Whether the cluster may scale") { try await $0.switchState($1) },
        .change(.put, "/v1/switch", "setSwitch", .control, .operate, audit: "switch.changed", fields: ["enabled", "reason"], "Enable or disable scaling") {
            try await $0.setSwitch($1)
        },
        .get("/v1/pauses", "listPauses", .control, .read, query: Parameter.paging, "Pauses in force") { try await $0.pauses($1) },
        .change(
            .post, "/v1/pauses", "createPause", .control, .operate, audit: "pause.created", fields: ["scope", "direction", "until", "for", "reason"],
            "Keep something from moving for a while"
        ) { try await $0.createPause($1) },
        .get("/v1/pauses/{id}", "getPause", .control, .read, "One pause in force") { try await $0.pause($1) },
        .change(.delete, "/v1/pauses/{id}", "endPause", .control, .operate, audit: "pause.ended", "End a pause") { try await $0.endPause($1) },
        .get("/v1/approvals", "listApprovals", .control, .read, query: Parameter.paging, "Changes that wait for a second person, and what was said of them") {
            try await $0.approvals($1)
        },
        .get("/v1/approvals/{id}", "getApproval", .control, .read, "One of them") { try await $0.approval($1) },
        .change(
            .post, "/v1/approvals/{id}/approve", "approveChange", .control, .operate, audit: "decision.approved", fields: ["reason"],
            "Agree to a change that waits for a second person"
        ) { try await $0.approve($1) },
        .change(
            .post, "/v1/approvals/{id}/reject", "rejectChange", .control, .operate, audit: "decision.rejected", fields: ["reason"],
            "Refuse a change that waits for a second person"
        ) { try await $0.reject($1) },
        .get("/v1/overrides", "listOverrides", .control, .read, query: Parameter.paging, "Overrides in force") { try await $0.overrides($1) },
        .change(
            .put, "/v1/workloads/{service}/{region}/override", "setOverride", .control, .operate, audit: "override.created",
            fields: ["replicas", "until", "for", "reason"], "Put a person’s number in place of the rules’ for a while"
        ) { try await $0.setOverride($1) },
        .change(
            .delete, "/v1/workloads/{service}/{region}/override", "endOverride", .control, .operate, audit: "override.ended", "Let the rules decide again"
        ) { try await $0.endOverride($1) },
        .change(
            .post, "/v1/workloads/{service}/{region}/observed", "observeWorkload", .control, .operate, audit: "workload.observed", fields: ["replicas"],
            "Say how many replicas of a manually scaled workload run"
        ) { try await $0.observe($1) },
    ]

    private static let audit: [Route] = [
        .get(
            "/v1/audit/events", "listAuditEvents", .audit, .audit,
            query: [
                .name("type"), .name("actor"), .name("subject"), .name("severity"), .since, .until,
                Parameter("seqFrom", .integer(0...Limits.largestInteger)), Parameter("seqTo", .integer(0...Limits.largestInteger)),
                Parameter("order", .choice(["asc", "desc"])),
            ] + Parameter.paging, "Audit events, newest first"
        ) { try await $0.auditEvents($1) },
        .get("/v1/audit/events/{seq}", "getAuditEvent", .audit, .audit, "One audit event") { try await $0.auditEvent($1) },
        .get("/v1/audit/checkpoint", "getAuditCheckpoint", .audit, .read, "The log’s size and root") { try await $0.auditCheckpoint($1) },
    ]

    private static let access: [Route] = [
        .get("/v1/tokens", "listTokens", .access, .administer, query: Parameter.paging, "Tokens, without their secrets") { try await $0.tokens($1) },
        .change(
            .post, "/v1/tokens", "createToken", .access, .administer, audit: "token.created", fields: ["name", "role", "until", "for"], "Make a token"
        ) { try await $0.createToken($1) },
        .get("/v1/tokens/{id}", "getToken", .access, .administer, "One token") { try await $0.token($1) },
        .change(.delete, "/v1/tokens/{id}", "revokeToken", .access, .administer, audit: "token.revoked", "Revoke a token") { try await $0.revokeToken($1) },
        .get("/v1/denials", "listDenials", .access, .read, query: Parameter.paging, "Certificates that no node accepts from another") {
            try await $0.denials($1)
        },
        .change(
            .post, "/v1/denials", "denyCertificate", .access, .administer, audit: "certificate.denied", fields: ["serial", "node", "reason"],
            "Let no node accept a certificate, or any of a node"
        ) { try await $0.deny($1) },
        .get("/v1/denials/{id}", "getDenial", .access, .read, "One entry of the deny-list") { try await $0.denial($1) },
        .change(.delete, "/v1/denials/{id}", "allowCertificate", .access, .administer, audit: "certificate.allowed", "Take an entry off the deny-list") {
            try await $0.allow($1)
        },
    ]
}
