/// The parser puts a command's discussion, example included, before its options. Whoever asks for help looks at the end.
enum HelpText {
    private static let mark = "Example: "

    /// The example (the discussion's paragraph that begins with `Example: `, one line again if the parser wrapped it) moved to the end.
    static func endingWithExample(_ text: String) -> String {
        var paragraphs = text.split(separator: "\n\n", omittingEmptySubsequences: false).map(String.init)
        guard let index = paragraphs.firstIndex(where: { $0.hasPrefix(Self.mark) }) else { return text }
        let example = paragraphs.remove(at: index).dropFirst(Self.mark.count).split(separator: "\n").joined(separator: " ")
        while paragraphs.last?.isEmpty == true { paragraphs.removeLast() }
        return paragraphs.joined(separator: "\n\n") + "\n\nEXAMPLE:\n  \(example)"
    }
}
