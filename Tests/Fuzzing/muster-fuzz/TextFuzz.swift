import Manifests
import Model
import Schedule

/// Manifests: reading ends with manifests and findings that name a place; what was read survives its canonical form and its export.
enum ManifestFuzz {
    static func run(_ data: UnsafeBufferPointer<UInt8>) {
        let text = String(decoding: data, as: UTF8.self)
        let parsed = ManifestParser.parse([SourceFile(name: "fuzz.yaml", text: text)])
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
        for finding in parsed.findings {
            guard let position = finding.position else { fatalError("a finding without a place: \(finding)") }
            require(position.column >= 1 && (1...lines + 1).contains(position.line) && !finding.message.isEmpty, "\(finding)")
        }
        for manifest in parsed.manifests {
            do {
                require(try Manifest(canonical: manifest.canonical) == manifest.manifest, "the canonical form of \(manifest.manifest.reference) differs")
            } catch { fatalError("the canonical form of \(manifest.manifest.reference) can't be read: \(error)") }
            let exported = Export.yaml([manifest.manifest])
            let again = ManifestParser.parse([SourceFile(name: "export.yaml", text: exported)])
            require(!again.hasErrors && again.manifests.map(\.manifest) == [manifest.manifest], "what was exported differs:\n\(exported)\n\(again.findings)")
        }
        _ = Lint.check(parsed, stored: [])
        _ = Lint.notes(parsed, stored: [])
    }
}

/// Expressions: an error names a place in the text; what was read, written and read again is the same.
enum ExpressionFuzz {
    static func run(_ data: UnsafeBufferPointer<UInt8>) {
        let text = String(decoding: data, as: UTF8.self)
        do throws(ExpressionError) {
            let expression = try Expression(parsing: text)
            do throws(ExpressionError) {
                require(try Expression(parsing: expression.text) == expression, "“\(text)” is written as “\(expression.text)”, which is another one")
            } catch {
                // A tree at the limit may be longer as it is written: more spaces than the text had.
                require(expression.text.utf8.count > Expression.maximumLength, "“\(expression.text)” can't be read again: \(error)")
            }
            _ = (expression.metrics, expression.lookback, expression.isCondition)
        } catch {
            require((0...text.utf8.count).contains(error.offset) && !error.message.isEmpty, "\(error)")
        }
    }
}

/// Cron: what was read and written is the same; `next` is later and matches, nothing lies between, and `previous` finds the way back.
enum CronFuzz {
    /// Eight bytes of time, one for the zone, and the text.
    private static let header = 9

    static func run(_ data: UnsafeBufferPointer<UInt8>) {
        var choices = Choices(data)
        // Some 290 years around 1970, and now and then the ends of time.
        let word = Int64(bitPattern: choices.word())
        let time = WallTime(microseconds: word % 16 == 0 ? word : word >> 10)
        let zone = choices.pick(Self.zones)
        let text = String(decoding: data.dropFirst(Self.header), as: UTF8.self)
        do throws(CronError) {
            let cron = try CronExpression(parsing: text)
            require(try CronExpression(parsing: cron.text) == cron, "“\(text)” is written as “\(cron.text)”, which is another one")
            Self.check(cron, time, zone)
        } catch {
            require((0...text.utf8.count).contains(error.offset) && !error.message.isEmpty, "\(error)")
        }
    }

    private static func check(_ cron: CronExpression, _ time: WallTime, _ zone: TimeZoneRules) {
        let place = "“\(cron.text)” in \(zone.name) after \(time)"
        guard let next = cron.next(after: time, in: zone) else { return }
        require(next > time, "\(place): \(next) is not later")
        require(next.microseconds % 1_000_000 == 0, "\(place): \(next) is no whole second")
        if let previous = cron.previous(atOrBefore: next, in: zone) { require(previous == next, "\(place): \(next) is followed by \(previous) backwards") }
        if let before = cron.previous(atOrBefore: time, in: zone) {
            require(before <= time, "\(place): \(before) is later")
            require(cron.next(after: before, in: zone) == next, "\(place): after \(before) comes something before \(next)")
        }
        guard !cron.matches(zone.localTime(at: next)) else { return }
        // Only a time that was skipped fires where the clock shows another one: right after the gap.
        let gap = zone.utcOffset(at: next) - zone.utcOffset(at: next + .microseconds(-1))
        require(gap > 0 && !cron.followsTheClock, "\(place): \(next) does not match, and no clock was put forward")
    }

    /// Of the kinds that there are: none, a whole hour north and south, half an hour, at midnight, many changes of the past.
    private static let zones: [TimeZoneRules] = {
        let names = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu"]
        return [.utc]
            + names.compactMap { name in
                guard let bytes = bytes(of: "/usr/share/zoneinfo/\(name)") else { return nil }
                return try? TimeZoneRules(name: name, tzif: bytes)
            }
    }()
}
