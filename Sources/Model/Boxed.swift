/// A large value that is copied often and changed seldom: copies share one object, and a change makes a new one.
///
/// For what lies in long arrays: there every copy of an element would count references for each array and text inside.
@propertyWrapper
public struct Boxed<Value: Sendable>: Sendable {
    private final class Contents: Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }
    private var contents: Contents

    public init(wrappedValue: Value) { self.contents = Contents(wrappedValue) }

    public var wrappedValue: Value {
        get { self.contents.value }
        set { self.contents = Contents(newValue) }
    }
}
