internal import Postgres

/// Rows for one table, several to a statement: of what a statement costs server and session, a row is the smaller part.
struct RowInsert: Sendable {
    /// Rows of one statement. A few milliseconds of work for the server, so that the session is never silent for long.
    static let together = 16

    /// Of one row.
    let single: String
    private let several: String

    /// - Parameters:
    ///   - head: up to `VALUES`.
    ///   - columns: for each value of a row, its cast, `::uuid`; empty: none.
    ///   - tail: what follows the rows. They must not meet one another in it.
    init(_ head: String, columns: [String], tail: String = "") {
        func rows(_ count: Int) -> String {
            let rows = (0..<count).map { row in
                "(" + columns.enumerated().map { "$\(row * columns.count + $0.offset + 1)\($0.element)" }.joined(separator: ", ") + ")"
            }
            return head + " VALUES " + rows.joined(separator: ", ") + (tail.isEmpty ? "" : " " + tail)
        }
        self.single = rows(1)
        self.several = rows(Self.together)
    }

    /// Few texts for any number of rows, since each is prepared once in a session.
    func statements(_ rows: [[Value]]) -> [Statement] {
        var statements: [Statement] = []
        var rest = rows[...]
        while rest.count >= Self.together {
            statements.append(Statement(self.several, Array(rest.prefix(Self.together).joined())))
            rest = rest.dropFirst(Self.together)
        }
        for row in rest { statements.append(Statement(self.single, row)) }
        return statements
    }
}
