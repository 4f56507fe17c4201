import Postgres

/// A statement and what its answer means.
struct Read<Value> {
    var statement: Statement
    var value: (ResultSet) throws -> Value

    init(_ sql: String, _ parameters: [Postgres.Value] = [], _ value: @escaping (ResultSet) throws -> Value) {
        self.statement = Statement(sql, parameters)
        self.value = value
    }
}

extension Store {
    /// Runs all in one round trip.
    func run<each Value>(_ reads: repeat Read<each Value>) async throws -> (repeat each Value) {
        var statements: [Statement] = []
        repeat statements.append((each reads).statement)
        let sets = try await self.pool.pipeline(statements, deadline: Self.readDeadline)
        var next = sets.makeIterator()
        func value<One>(of read: Read<One>) throws -> One {
            guard let set = next.next() else { throw StoreError.noRow }
            return try read.value(set)
        }
        return (repeat try value(of: each reads))
    }
}
