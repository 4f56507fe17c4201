/// The contract, served at `/openapi.yaml`: OpenAPI 3.1, written by hand. Tests hold it against ``Route/table`` both ways, its schemas against real answers,
/// and its examples against its schemas.
///
/// It stands in Swift strings, since the compiler takes those at once, where a byte array of its size takes most of a minute.
enum OpenAPIDocument {
    static let text =
        Self.head + Self.nodeAndClusterPaths + Self.fleetPaths + Self.manifestsAndScalingPaths + Self.controlPaths + Self.approvals + Self.auditAndAccessPaths
        + Self.denials + Self.components + Self.clusterSchemas + Self.fleetSchemas + Self.manifestSchemas + Self.scalingSchemas
        + Self.controlAndAuditSchemas
}
