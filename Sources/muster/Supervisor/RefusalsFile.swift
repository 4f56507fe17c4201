import Model
import Peers

/// The file in the node's directory through which a supervisor tells its node how many connections it refused: the metrics are the node's to show.
///
/// A file, as in the other direction (``RosterFile``): it also tells the next process what was refused while there was none.
struct RefusalsFile: Sendable {
    let path: String

    /// A file larger than this is none of a supervisor's: every reason there is, with the largest number, takes half of it.
    static let maximumBytes = 4096
    private static let remedy = "the supervisor writes it anew at its start"

    init(directory: String) { self.path = "\(directory)/refusals.json" }

    func write(_ refusals: [PeerFault: UInt64]) throws {
        let counts = refusals.map { ($0.key.rawValue, JSON.int(Int64(clamping: $0.value))) }
        try Files.write(JSON.object(Dictionary(uniqueKeysWithValues: counts)).text + "\n", to: self.path)
    }

    /// Nil: no supervisor has written one yet. Reasons that this program does not know, as another version may write them, are left out.
    func read() throws -> [PeerFault: UInt64]? {
        guard let data = try Files.read(self.path, limit: Self.maximumBytes, remedy: Self.remedy) else { return nil }
        guard let fields = try? JSON(parsing: data).objectValue else { throw Failure("\(self.path) holds no refusals; \(Self.remedy)") }
        var refusals: [PeerFault: UInt64] = [:]
        for (name, value) in fields {
            guard let count = value.intValue, count >= 0 else { throw Failure("\(self.path): /\(name) is no number of refusals; \(Self.remedy)") }
            if let fault = PeerFault(rawValue: name) { refusals[fault] = UInt64(count) }
        }
        return refusals
    }
}
