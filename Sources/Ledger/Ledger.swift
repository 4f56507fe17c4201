/// What a leaf of the audit log is allowed to be.
///
/// # The module's model
///
/// An event is sealed once: its canonical JSON (RFC 8785) becomes the *leaf*, the leaf's hash enters an RFC 6962 tree, and
/// from then on the bytes never change. The tree's state is its ``Frontier``: the roots of the complete subtrees along its
/// right edge, at most 63 of them, enough to append without reading what is there.
///
///     drafts ──Sealer──▶ sealed events + next TreeState ──(one transaction)──▶ database ──Verifier──▶ verdict
///
/// Invariants:
/// - `seq` is the index in the tree: 0-based, without gaps. `integrated_at` never goes back, the epoch never falls.
/// - A leaf is at most ``maximumBytes`` long and holds no floating-point number and no integer beyond ±(2⁵³−1).
/// - Sealing is a function of its arguments: the same drafts on the same state give the same bytes.
/// - Too large never means refused: what does not fit is cut or replaced by its hash, and the leaf says `truncated`.
/// - Columns beside the leaf are an index. The leaf alone is evidence; the verifier compares every column with it.
///
/// What it does not do: it reads no clock, draws no identifiers, and talks to no database; it signs nothing; it can't tell a
/// log that was rewritten as a whole, head included, from an honest one: only a head kept elsewhere can.
public enum LeafFormat {
    /// The value of the field `schema`. A leaf of another schema is not judged by this version.
    public static let schema = "audit.v1"
    /// Longest leaf in bytes: tile and bundle formats prefix leaves with a 16-bit length.
    public static let maximumBytes = 65_535
    /// Longest attachment (`before`, `after`, `decision`, `cause`) in bytes of canonical JSON: a larger one would crowd out the others;
    /// it is replaced by its hash and size.
    public static let maximumAttachmentBytes = 16 * 1024
    /// Deepest nesting of an attachment: one level less than what the parser takes, since the leaf is a level itself.
    public static let maximumAttachmentDepth = 31
    /// Longest identifier in bytes as written in the leaf: names, ids and addresses are far shorter. A longer one ends in its hash.
    public static let maximumIdentifierBytes = 256
    /// Longest free text in bytes as written in the leaf: an error's words, not a program's whole output.
    public static let maximumTextBytes = 4096
    /// Most events that one event can revert: with 17 bytes each they leave room for everything else.
    public static let maximumReverts = 1000
    /// The largest integer that every JSON reader reads exactly: 2⁵³−1.
    public static let maximumInteger: Int64 = 9_007_199_254_740_991
    /// The first number that a node's run gives to an event (`origin.nseq`); each further one is one more.
    public static let firstOriginNumber: Int64 = 1
}
