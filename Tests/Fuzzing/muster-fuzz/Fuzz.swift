import CLibFuzzer
import Glibc

/// `muster-fuzz PART OPTION… CORPUS…`: libFuzzer over one of the parts that read what people write. `cluster/fuzz` builds and runs it.
///
/// An input that breaks a property ends the program, as a crash does; libFuzzer keeps it and says how to repeat it.
@main enum Fuzz {
    enum Part: String, CaseIterable {
        case manifest, expression, cron, evaluator

        func run(_ data: UnsafeBufferPointer<UInt8>) {
            switch self {
            case .manifest: ManifestFuzz.run(data)
            case .expression: ExpressionFuzz.run(data)
            case .cron: CronFuzz.run(data)
            case .evaluator: EvaluatorFuzz.run(data)
            }
        }
    }

    private static let part = CommandLine.arguments.dropFirst().first.flatMap(Part.init(rawValue:))

    static func main() {
        guard Self.part != nil else {
            let usage = Array("usage: muster-fuzz \(Part.allCases.map(\.rawValue).joined(separator: "|")) OPTION… CORPUS…\n".utf8)
            _ = write(STDERR_FILENO, usage, usage.count)
            exit(2)
        }
        let words = [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)
        var pointers = words.map { strdup($0) } + [nil]
        pointers.withUnsafeMutableBufferPointer { buffer in
            var count = CInt(words.count)
            var arguments = buffer.baseAddress
            exit(
                // A C function has no context; the part is a constant of the program.
                LLVMFuzzerRunDriver(&count, &arguments) { data, size in
                    Fuzz.part?.run(UnsafeBufferPointer(start: data, count: size))
                    return 0
                })
        }
    }
}

/// Ends the program when something that must hold does not.
func require(_ condition: Bool, _ words: @autoclosure () -> String) {
    // The way a fuzzer reports what it found.
    if !condition { fatalError(words()) }
}

/// Choices made from a fuzzer's bytes, so that its mutations change the choices. When they are used up, everything is the first choice.
struct Choices {
    private var bytes: UnsafeBufferPointer<UInt8>.Iterator
    private(set) var isEmpty = false

    init(_ data: UnsafeBufferPointer<UInt8>) { self.bytes = data.makeIterator() }

    mutating func byte() -> Int {
        guard let byte = self.bytes.next() else {
            self.isEmpty = true
            return 0
        }
        return Int(byte)
    }
    mutating func word() -> UInt64 { (0..<8).reduce(0) { word, _ in word << 8 | UInt64(self.byte()) } }
    mutating func int(_ range: ClosedRange<Int>) -> Int {
        range.upperBound - range.lowerBound < 256
            ? range.lowerBound + self.byte() % (range.upperBound - range.lowerBound + 1)
            : range.lowerBound + (self.byte() << 8 | self.byte()) % (range.upperBound - range.lowerBound + 1)
    }
    /// True for the given share of bytes, never for the first choice.
    mutating func chance(_ percent: Int) -> Bool { self.byte() * 100 > 255 * (100 - percent) }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[self.byte() % elements.count] }
}
