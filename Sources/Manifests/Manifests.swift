// Manifests: YAML or JSON documents in, ``Model`` values out, and back.
//
// Model
// - text → documents → a tree with positions → typed values. Each stage reports everything it finds, with file, line, column and an RFC 6901
//   pointer; a document with an error yields no manifest, its neighbours do.
// - A manifest's *canonical* form is JSON with every default written out, lists that are sets sorted, durations and expressions in their one
//   spelling: two texts that mean the same have the same bytes and the same SHA-256. It is what is stored, versioned and compared.
// - `parse → canonical → init(canonical:)` and `export → parse` give equal manifests.
// - ``Lint`` looks at the whole resulting set: what is stored with what is new in its place.
//
// Invariants
// - Total: any text gives manifests or findings, never a trap; every input is bounded by ``ManifestLimits``.
// - A secret never enters: a connection string with a password is refused, and no message repeats it.
//
// It does not read files, talk to a database, resolve secrets or decide who may apply what.

/// What bounds every input. Stored manifests are not judged by them: they may tighten later.
public enum ManifestLimits {
    /// A file, in bytes of UTF-8. A thousand policies fit, and the parser's worst case stays within seconds.
    public static let fileBytes = 1 << 20
    /// Nodes (scalars, lists, mappings) of a document with its aliases written out: stops documents that grow when they are read.
    public static let nodes = 100_000
    /// Nesting. Manifests need 6 levels; deeper text would only cost stack.
    public static let depth = 32
    /// Documents in one call, over all files: one apply is one transaction.
    public static let documents = 10_000
    /// Findings in one call. Nobody reads more, and an answer has to fit a message.
    public static let findings = 1_000

    /// Metrics of a policy: each is a query per evaluation.
    public static let metrics = 64
    /// Rules of a policy: each is explained in each decision.
    public static let rules = 256
    /// Names in one list of a selector.
    public static let selectorNames = 1_000
    /// Regions of a service.
    public static let workloads = 1_000
    /// Words of a command, and bytes of one word: far below what an operating system takes.
    public static let commandWords = 64
    /// See ``commandWords``.
    public static let commandWordBytes = 4_096
    /// Steps of `onMissing`.
    public static let missingSteps = 8
    /// Policies in one direction of `behavior`: each is computed in every evaluation.
    public static let ratePolicies = 16
    /// Entries of `schedule`, and of `freeze`.
    public static let recurrences = 64
    /// Guards of a policy: each is a condition in every evaluation.
    public static let guards = 32
    /// Regions that take the load of one that is down.
    public static let failoverRegions = 32
    /// How long what others have for a region may take to fade: within a day its load is back, or its manifests should say otherwise.
    public static let failoverFade = Duration.seconds(86_400)
    /// A cron expression, in bytes: five fields that list everything they may.
    public static let cronBytes = 512
    /// A time zone's name, in bytes; the longest known has 32.
    public static let timeZoneBytes = 64
    /// An SQL statement, in bytes.
    public static let statementBytes = 64 << 10
    /// A name, selector or object reference of Kubernetes, in bytes.
    public static let kubernetesBytes = 1_024
    /// A connection string or path, in bytes.
    public static let connectionBytes = 4_096
    /// Words that are shown beside a name (owner, unit), in bytes.
    public static let labelBytes = 256
    /// Replicas of one workload or ceiling: more than any platform runs, and far from overflow in sums.
    public static let replicas = 1_000_000
}
