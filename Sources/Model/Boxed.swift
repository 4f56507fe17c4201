/// A large value behind one reference, for what lies in long arrays: moving or copying an element counts one reference, not one for each array and text
/// inside. It is a value all the same: whoever changes a copy that is shared changes their own.
@dynamicMemberLookup
public struct Boxed<Value: Sendable>: @unchecked Sendable {
    /// `@unchecked Sendable`: it is changed only by the one that alone refers to it.
    @usableFromInline
    final class Contents: @unchecked Sendable {
        @exclusivity(unchecked) @usableFromInline var value: Value
        @usableFromInline
        init(_ value: Value) { self.value = value }
    }
    @usableFromInline var contents: Contents

    /// Puts `value` behind a reference of its own.
    @inlinable
    public init(_ value: Value) { self.contents = Contents(value) }

    /// What is inside. Changing it copies it first where it is shared.
    @inlinable public var value: Value {
        get { self.contents.value }
        _modify {
            if !isKnownUniquelyReferenced(&self.contents) { self.contents = Contents(self.contents.value) }
            yield &self.contents.value
        }
    }

    /// A part of what is inside.
    @inlinable
    public subscript<Part>(dynamicMember part: KeyPath<Value, Part>) -> Part { self.contents.value[keyPath: part] }

    /// A part of what is inside, to be changed in place.
    @inlinable
    public subscript<Part>(dynamicMember part: WritableKeyPath<Value, Part>) -> Part {
        get { self.contents.value[keyPath: part] }
        _modify { yield &self.value[keyPath: part] }
    }
}

extension Boxed: Equatable where Value: Equatable {
    @inlinable
    public static func == (left: Self, right: Self) -> Bool { left.contents === right.contents || left.value == right.value }
}

extension Boxed: Hashable where Value: Hashable {
    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(self.value) }
}
