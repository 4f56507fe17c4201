/// Why a test did not get its Postgres server, or why the server did not do what the test asked.
public struct TestServerError: Error, Sendable, CustomStringConvertible {
    /// What failed and, where a program said it, why.
    public var description: String

    init(_ description: String) {
        self.description = description
    }
}
