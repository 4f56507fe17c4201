import Model

/// The fields of one object of a case, read one by one. Whatever was not asked for is unknown, and said to be.
struct CaseFields {
    private let fields: [String: JSON]
    private var asked: [String] = []

    init(_ json: JSON) throws(JSONError) {
        guard case .object(let fields) = json else { throw JSONError(message: "is not an object") }
        self.fields = fields
    }

    /// Refuses what nobody asked for.
    func finish(_ what: String) throws(JSONError) { try JSON.object(self.fields).expectFields(self.asked, of: what) }

    /// nil when absent or null.
    mutating func optional(_ name: String) -> JSON? {
        if !self.asked.contains(name) { self.asked.append(name) }
        guard let value = self.fields[name], !value.isNull else { return nil }
        return value
    }
    mutating func required(_ name: String) throws(JSONError) -> JSON {
        guard let value = self.optional(name) else { throw JSONError(pointer: "/\(name)", message: "is missing") }
        return value
    }

    // MARK: - Numbers

    mutating func optionalInt64(_ name: String) throws(JSONError) -> Int64? {
        guard let value = self.optional(name) else { return nil }
        guard let integer = value.intValue else { throw JSONError(message: "is not an integer of 64 bits").inside(name) }
        return integer
    }
    mutating func int64(_ name: String) throws(JSONError) -> Int64 {
        _ = try self.required(name)
        return try self.optionalInt64(name) ?? 0
    }
    mutating func optionalInt32(_ name: String) throws(JSONError) -> Int32? {
        guard let value = try self.optionalInt64(name) else { return nil }
        guard let narrow = Int32(exactly: value) else {
            throw JSONError(message: "is not within \(Int32.min) and \(Int32.max)").inside(name)
        }
        return narrow
    }
    mutating func int32(_ name: String) throws(JSONError) -> Int32 {
        _ = try self.required(name)
        return try self.optionalInt32(name) ?? 0
    }

    /// Seconds, as milliseconds.
    mutating func optionalSeconds(_ name: String) throws(JSONError) -> Int64? {
        guard let value = self.optional(name) else { return nil }
        if case .int(let seconds) = value { return HPA.multiply(seconds, 1000) }
        guard let quantity = value.doubleValue.flatMap({ Quantity($0) }) else { throw JSONError(message: "is not a number of seconds").inside(name) }
        return quantity.milli
    }
    mutating func seconds(_ name: String) throws(JSONError) -> Int64 {
        _ = try self.required(name)
        return try self.optionalSeconds(name) ?? 0
    }

    /// A fraction, as billionths.
    mutating func optionalFraction(_ name: String) throws(JSONError) -> Int64? {
        guard let value = self.optional(name) else { return nil }
        do { return try Self.fraction(value) } catch { throw error.inside(name) }
    }
    static func fraction(_ json: JSON) throws(JSONError) -> Int64 {
        guard let value = json.doubleValue, value.isFinite, value >= 0, value <= 1e9 else {
            throw JSONError(message: "is not a number from 0 to 1e9")
        }
        return Int64((value * Double(HPA.Tolerances.one)).rounded())
    }

    // MARK: - Others

    mutating func bool(_ name: String, default fallback: Bool) throws(JSONError) -> Bool {
        guard let value = self.optional(name) else { return fallback }
        guard let bool = value.boolValue else { throw JSONError(message: "is not true or false").inside(name) }
        return bool
    }
    mutating func optionalString(_ name: String) throws(JSONError) -> String? {
        guard let value = self.optional(name) else { return nil }
        guard let string = value.stringValue else { throw JSONError(message: "is not a string").inside(name) }
        return string
    }
    mutating func string(_ name: String) throws(JSONError) -> String {
        _ = try self.required(name)
        return try self.optionalString(name) ?? ""
    }
    mutating func optionalChoice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, of type: Choice.Type = Choice.self
    ) throws(JSONError) -> Choice? where Choice.RawValue == String {
        guard let text = try self.optionalString(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw JSONError(message: "is “\(text)”, which is none of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))").inside(name)
        }
        return choice
    }
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, of type: Choice.Type = Choice.self
    ) throws(JSONError) -> Choice where Choice.RawValue == String {
        let value = try self.required(name)
        guard let choice = try self.optionalChoice(name, of: type) else { throw JSONError(message: "is \(value.text)").inside(name) }
        return choice
    }

    mutating func optionalObject<Value>(
        _ name: String, _ what: String, _ decode: (inout CaseFields) throws(JSONError) -> Value
    ) throws(JSONError) -> Value? {
        guard let value = self.optional(name) else { return nil }
        do { return try Self.object(value, what, decode) } catch { throw error.inside(name) }
    }
    mutating func object<Value>(
        _ name: String, _ what: String, _ decode: (inout CaseFields) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        let value = try self.required(name)
        do { return try Self.object(value, what, decode) } catch { throw error.inside(name) }
    }
    /// Absent and null are an empty list.
    mutating func objects<Value>(
        _ name: String, _ what: String, _ decode: (inout CaseFields) throws(JSONError) -> Value
    ) throws(JSONError) -> [Value] {
        try self.elements(name) { element throws(JSONError) in try Self.object(element, what, decode) }
    }
    mutating func elements<Value>(_ name: String, _ decode: (JSON) throws(JSONError) -> Value) throws(JSONError) -> [Value] {
        guard let value = self.optional(name) else { return [] }
        guard let elements = value.arrayValue else { throw JSONError(message: "is not a list").inside(name) }
        var values: [Value] = []
        for (index, element) in elements.enumerated() {
            do { values.append(try decode(element)) } catch { throw error.inside(String(index)).inside(name) }
        }
        return values
    }

    static func object<Value>(
        _ json: JSON, _ what: String, _ decode: (inout CaseFields) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        var fields = try CaseFields(json)
        let value = try decode(&fields)
        try fields.finish(what)
        return value
    }
}
