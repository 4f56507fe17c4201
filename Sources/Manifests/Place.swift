import Model

/// A value in a document, where it stands, and what it is called. Its readers report what is wrong and give nil.
struct Place {
    var node: DocumentNode
    var pointer: String
    /// The field's name, or what the element is, for messages.
    var name: String
    var report: Report

    func fail(_ code: ManifestFinding.Code, _ message: String, near: String? = nil, at position: SourcePosition? = nil) {
        self.report.add(code, message, at: position ?? self.node.position, pointer: self.pointer, near: near)
    }

    /// Reports that the value is not what belongs here.
    private func wrongType(_ expected: String) {
        if case .scalar(let scalar) = self.node.value, scalar.isNull {
            self.fail(.wrongType, "“\(self.name)” has no value; write \(expected), or remove the field")
        } else {
            self.fail(.wrongType, "“\(self.name)” is \(self.node.sort); write \(expected)")
        }
    }

    // MARK: - Structure

    /// The fields of a mapping, of which only the `known` ones may occur. `later` ones exist in the language but not in this version.
    func fields(known: [String], later: [String] = []) -> Fields? {
        guard case .mapping(let fields) = self.node.value else {
            self.wrongType("a mapping with \(Place.listing(known))")
            return nil
        }
        var places: [String: Place] = [:]
        for field in fields {
            let place = Place(
                node: field.value, pointer: Pointer.appending(field.name, to: self.pointer), name: field.name, report: self.report)
            if known.contains(field.name) {
                if places.updateValue(place, forKey: field.name) != nil {
                    place.fail(.duplicateField, "the field “\(field.name)” stands more than once in this mapping; keep one", at: field.position)
                }
            } else if later.contains(field.name) {
                place.notAvailable("field “\(field.name)”", because: LaterVersions.waitsFor[field.name], at: field.position)
            } else {
                let near = self.report.isFull ? nil : nearest(field.name, in: known + later)
                let message = "unknown field “\(field.name.shortened)”" + (near == nil ? "; known here: \(Place.listing(known))" : "")
                place.fail(.unknownField, message, near: near, at: field.position)
            }
        }
        return Fields(place: self, places: places)
    }

    func notAvailable(_ what: String, because why: String? = nil, at position: SourcePosition? = nil) {
        let reason = why.map { ": \($0)" } ?? ""
        self.fail(.notAvailable, "\(what) is not available in this version of Muster\(reason); remove it (nothing was applied)", at: position)
    }

    /// The fields of a mapping whose names are the user's, such as regions; each with a place for complaints about the name.
    func entries(_ what: String, maximum: Int) -> [Place]? {
        guard case .mapping(let fields) = self.node.value else {
            self.wrongType("a mapping with \(what) as its fields")
            return nil
        }
        if fields.count > maximum { self.fail(.outOfRange, "“\(self.name)” has \(fields.count) fields, more than the \(maximum) allowed") }
        var seen: Set<String> = []
        return fields.map { field in
            let place = Place(
                node: field.value, pointer: Pointer.appending(field.name, to: self.pointer), name: field.name, report: self.report)
            if let objection = ManifestName.objection(to: field.name) { place.fail(.invalidName, objection, at: field.position) }
            if !seen.insert(field.name).inserted {
                place.fail(.duplicateField, "the field “\(field.name)” stands more than once in this mapping; keep one", at: field.position)
            }
            return place
        }
    }

    /// The elements of a list with at least one and at most `maximum`.
    func elements(_ what: String, maximum: Int, mayBeEmpty: Bool = false) -> [Place]? {
        guard case .list(let nodes) = self.node.value else {
            self.wrongType("a list of \(what)")
            return nil
        }
        if nodes.isEmpty, !mayBeEmpty { self.fail(.outOfRange, "“\(self.name)” is an empty list; write at least one") }
        if nodes.count > maximum { self.fail(.outOfRange, "“\(self.name)” has \(nodes.count) elements, more than the \(maximum) allowed") }
        return nodes.enumerated().map { index, node in
            Place(node: node, pointer: "\(self.pointer)/\(index)", name: "\(self.name)[\(index)]", report: self.report)
        }
    }

    // MARK: - Text

    /// The text of a single value as it is written: `yes`, `1e3` and `2024` stay what they are.
    func text(_ expected: String = "text") -> String? {
        guard case .scalar(let scalar) = self.node.value, !scalar.isNull else {
            self.wrongType(expected)
            return nil
        }
        // An escape may have brought in what the text itself must not hold; canonical JSON would write it plainly.
        if let character = scalar.text.unicodeScalars.first(where: { $0.value >= 0x20 && !SourceText.isAllowed($0) }) {
            self.fail(.outOfRange, "“\(self.name)” has the character \(SourceText.name(of: character)), which is not allowed; remove it")
        }
        return scalar.text
    }

    /// Text that people and programs are shown in one line.
    func line(_ expected: String = "text", maximumBytes: Int) -> String? {
        guard let text = self.text(expected) else { return nil }
        if text.isEmpty { self.fail(.outOfRange, "“\(self.name)” is empty; write \(expected)") }
        if text.utf8.count > maximumBytes { self.fail(.outOfRange, "“\(self.name)” is longer than the \(maximumBytes) bytes allowed") }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) {
            self.fail(.outOfRange, "“\(self.name)” has a line break or control character; write it in one line")
        }
        return text
    }

    /// Text of several lines, such as SQL.
    func lines(_ expected: String, maximumBytes: Int) -> String? {
        guard let text = self.text(expected) else { return nil }
        if text.allSatisfy(\.isWhitespace) { self.fail(.outOfRange, "“\(self.name)” is empty; write \(expected)") }
        if text.utf8.count > maximumBytes { self.fail(.outOfRange, "“\(self.name)” is longer than the \(maximumBytes) bytes allowed") }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" && $0 != "\t" && $0 != "\r" }) {
            self.fail(.outOfRange, "“\(self.name)” has a control character; remove it")
        }
        return text
    }

    func manifestName() -> String? {
        guard let text = self.text("a name") else { return nil }
        if let objection = ManifestName.objection(to: text) {
            self.fail(.invalidName, objection.shortened)
            return nil
        }
        return text
    }

    func choice<Value: RawRepresentable & CaseIterable>(of type: Value.Type = Value.self) -> Value? where Value.RawValue == String {
        let known = Value.allCases.map(\.rawValue)
        guard let text = self.text(Place.listing(known, or: true)) else { return nil }
        if let value = Value(rawValue: text) { return value }
        let near = nearest(text, in: known)
        let message = "“\(self.name)” can't be “\(text.shortened)”" + (near == nil ? "; write \(Place.listing(known, or: true))" : "")
        self.fail(.unknownValue, message, near: near)
        return nil
    }

    func flag() -> Bool? {
        guard let text = self.text("true or false"), case .scalar(let scalar) = self.node.value else { return nil }
        switch (text, scalar.style) {
        case ("true", .plain): return true
        case ("false", .plain): return false
        default:
            self.fail(.wrongType, "“\(self.name)” is “\(text.shortened)”; write true or false")
            return nil
        }
    }

    // MARK: - Numbers

    func int(in range: ClosedRange<Int>) -> Int? {
        guard let text = self.text("a whole number"), case .scalar(let scalar) = self.node.value else { return nil }
        guard scalar.style == .plain, let number = DecimalText(text), let value = number.whole else {
            self.fail(.wrongType, "“\(self.name)” is “\(text.shortened)”, not a whole number; write one from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        guard range.contains(value) else {
            self.fail(.outOfRange, "“\(self.name)” is \(value); it must be from \(range.lowerBound) to \(range.upperBound)")
            return self.report.purpose == .stored ? value : nil
        }
        return value
    }

    /// A decimal number; text is taken too, as JSON writes exact numbers.
    func quantity(in range: ClosedRange<Quantity>, above exclusive: Bool = false) -> Quantity? {
        guard let text = self.text("a number") else { return nil }
        guard let number = DecimalText(text) else {
            self.fail(.wrongType, "“\(self.name)” is “\(text.shortened)”, not a number; write one such as 25 or 0.5")
            return nil
        }
        guard let value = number.quantity else {
            self.fail(.outOfRange, "“\(self.name)” is \(text.shortened), finer than a thousandth; round it to three decimals")
            return nil
        }
        guard range.contains(value), !exclusive || value > range.lowerBound else {
            let limits = exclusive ? "more than \(range.lowerBound) and at most" : "from \(range.lowerBound) to"
            self.fail(.outOfRange, "“\(self.name)” is \(value); it must be \(limits) \(range.upperBound)")
            return self.report.purpose == .stored ? value : nil
        }
        return value
    }

    /// A share such as `60%`, in percent. The sign is required: 0.6 and 60 would both be believed.
    func percent(in range: ClosedRange<Quantity>, above exclusive: Bool = false) -> Quantity? {
        guard let text = self.text("a percentage such as 60%") else { return nil }
        guard text.hasSuffix("%") else {
            self.fail(.wrongType, "“\(self.name)” is “\(text.shortened)”, not a percentage; write one such as 60%")
            return nil
        }
        var number = self
        number.node.value = .scalar(.init(text: String(text.dropLast()), style: .plain))
        return number.quantity(in: range, above: exclusive)
    }

    /// Whole seconds, as Kubernetes writes durations in fields that end in `Seconds`.
    func seconds(in range: ClosedRange<Int>) -> Duration? { self.int(in: range).map { .seconds($0) } }

    func duration(in range: ClosedRange<Duration>) -> Duration? {
        guard let text = self.text("a duration such as 30s") else { return nil }
        return self.duration(text, in: range)
    }

    func duration(_ text: String, in range: ClosedRange<Duration>) -> Duration? {
        guard let value = Duration(text: text) else {
            let hint = DecimalText(text) == nil ? "such as 30s, 5m or 2h" : "with a unit, such as \(text.shortened)s"
            self.fail(.wrongType, "“\(self.name)” is “\(text.shortened)”, not a duration; write one \(hint)")
            return nil
        }
        guard range.contains(value) else {
            self.fail(.outOfRange, "“\(self.name)” is \(value.text); it must be from \(range.lowerBound.text) to \(range.upperBound.text)")
            return self.report.purpose == .stored ? value : nil
        }
        return value
    }

    static func listing(_ names: [String], or: Bool = false) -> String {
        guard or, names.count > 1 else { return names.joined(separator: ", ") }
        return names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
    }
}

/// The fields of one mapping.
struct Fields {
    let place: Place
    fileprivate let places: [String: Place]

    fileprivate init(place: Place, places: [String: Place]) {
        self.place = place
        self.places = places
    }

    subscript(_ name: String) -> Place? { self.places[name] }

    /// Whether one of `later` stands here: it has been reported, and what it replaces is not missing.
    func hasLaterField(of later: [String]) -> Bool {
        guard case .mapping(let fields) = self.place.node.value else { return false }
        return fields.contains { later.contains($0.name) && self.places[$0.name] == nil }
    }

    /// The field, or nil and a finding that it is missing.
    func required(_ name: String, _ why: String = "add it") -> Place? {
        if let place = self.places[name] { return place }
        self.place.fail(.missingField, "the field “\(name)” is missing; \(why)")
        return nil
    }
}

extension String {
    /// For messages: what people typed may be long.
    var shortened: String { self.count > 80 ? self.prefix(79) + "…" : self }
}

/// Sets `target` when there is a value; the default stays otherwise.
func assign<Value>(_ value: Value?, to target: inout Value) {
    if let value { target = value }
}
