import Postgres
import PostgresTesting
import Testing

/// One for all tests that do not stop it.
let reactor = Reactor(name: "tests")

/// A new database of the shared server.
func makeDatabase() async throws -> ConnectionConfiguration {
    ConnectionConfiguration(try await TestServer.shared.makeDatabase(), applicationName: "tests", connectTimeout: TestServer.patience)
}

/// A session with a new database, closed afterwards.
func withConnection<R>(_ body: (Connection) async throws -> R) async throws -> R {
    let connection = try await Connection.connect(try await makeDatabase(), on: reactor)
    do {
        let result = try await body(connection)
        await connection.close()
        return result
    } catch {
        await connection.close()
        throw error
    }
}

/// The error that `body` throws; a test that expects one fails when there is none.
func postgresError(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws -> PostgresError {
    do {
        try await body()
    } catch let error as PostgresError {
        return error
    }
    return try #require(nil as PostgresError?, "no error was thrown", sourceLocation: sourceLocation)
}

/// As `postgresError`, with the code that it must have. Closures stay outside `#expect(…)`: with several of them in one function the compiler
/// runs one in the place of another.
@discardableResult
func expectError(
    _ code: PostgresError.Code, sqlState: String? = nil, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws -> PostgresError {
    let error = try await postgresError(sourceLocation: sourceLocation, body)
    #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    if let sqlState { #expect(error.sqlState == sqlState, "\(error)", sourceLocation: sourceLocation) }
    return error
}
