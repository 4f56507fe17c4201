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

/// Statements for one round trip, and what their answers mean together.
struct Reads<Value> {
    private(set) var statements: [Statement] = []
    let value: ([ResultSet]) throws -> Value

    init<each Part>(_ reads: repeat Read<each Part>, whole: @escaping (repeat each Part) -> Value) {
        self.value = { sets in
            var next = sets.makeIterator()
            func part<One>(_ read: Read<One>) throws -> One {
                guard let set = next.next() else { throw StoreError.noRow }
                return try read.value(set)
            }
            return whole(repeat try part(each reads))
        }
        repeat self.statements.append((each reads).statement)
    }
}

extension Store {
    /// Runs all in one round trip.
    func run<each Value>(_ reads: repeat Read<each Value>) async throws -> (repeat each Value) {
        try await self.runAll(Reads(repeat each reads) { (values: repeat each Value) in (repeat each values) })
    }

    /// Runs all in one round trip.
    func runAll<Value>(_ reads: Reads<Value>) async throws -> Value {
        try reads.value(try await self.pool.pipeline(reads.statements, deadline: Self.readDeadline))
    }
}
