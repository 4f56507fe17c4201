internal import Model

/// Random inputs for tests: seeded, so that a failing property names the seed that repeats it.
public struct Seeded: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    /// - Parameter seed: the same one gives the same numbers on every machine.
    public init(seed: UInt64) { self.generator = SplitMix64(seed: seed) }

    /// 64 bits, each as likely to be 1 as 0.
    public mutating func next() -> UInt64 { self.generator.next() }

    /// Any of the range, each as likely.
    public mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// Any of the range, each as likely.
    public mutating func int64(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self) }

    /// True in so many of a hundred calls.
    public mutating func chance(_ percent: Int) -> Bool { self.int(1...100) <= percent }

    /// Any of the elements, each as likely.
    ///
    /// - Precondition: there is one.
    public mutating func pick<Element>(_ elements: [Element]) -> Element { elements[self.int(0...elements.count - 1)] }

    /// So many bytes, any of them.
    public mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}
