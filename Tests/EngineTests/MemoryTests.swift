import Model
import Testing

@testable import Engine

@Suite("Memory")
struct MemoryTests {
    static func full() -> Memory {
        let time = WallTime(microseconds: 1_779_937_924_120_457)
        return Memory(
            series: [
                Memory.Series(
                    metric: "queue",
                    samples: [
                        Sample(value: Quantity(milli: .min), at: time), Sample(value: 1.5, at: time + .seconds(1)),
                    ],
                    lastGood: Sample(value: Quantity(milli: .max), at: time)),
                Memory.Series(metric: "cpu"), Memory.Series(metric: "mail", askedSince: time + .microseconds(3)),
            ],
            conditions: [Memory.Condition(metric: "queue", side: .below, threshold: 0.25, since: time)], lastUp: time,
            lastDown: time + .microseconds(1),
            missingSince: time)
    }

    @Test("memory survives its JSON form to the microsecond and the thousandth")
    func roundTrip() throws {
        for memory in [Self.full(), Memory()] {
            let bytes = memory.json.canonical()
            let back = try Memory(json: JSON(parsing: bytes))
            #expect(back == memory)
            #expect(back.json.canonical() == bytes)
        }
    }

    @Test("what was packed before it was known since when a metric is asked for is read as it was")
    func oldBytes() throws {
        let bytes: [UInt8] = [
            2, 0, 5, 113, 117, 101, 117, 101, 1, 184, 23, 0, 1, 0, 0, 0, 3, 99, 112, 117, 0, 2, 160, 31, 0, 0, 1, 1, 1, 244, 3, 237, 193, 188, 128, 236, 1, 7,
            237, 193, 188, 128, 236, 1, 235, 193, 188, 128, 236, 1, 237, 193, 188, 128, 236, 1, 0, 0, 0, 0, 0,
        ]
        var expected = Self.full()
        let sample = Sample(value: 1.5, at: Fixture.start)
        expected.series = [Memory.Series(metric: "queue", samples: [sample], lastGood: sample), Memory.Series(metric: "cpu")]
        expected.series[1].believed = Sample(value: 2, at: Fixture.start)
        var reader = PackedReader(bytes)
        #expect(try Memory(from: &reader, after: Fixture.start) == expected)
        #expect(reader.isAtEnd)
    }

    @Test("samples are kept in order, one of each time, the newest of too many")
    func normalizes() {
        let at = Fixture.start
        let series = Memory.Series(
            metric: "queue",
            samples: [Sample(value: 3, at: at + .seconds(3)), Sample(value: 1, at: at), Sample(value: 2, at: at)])
        #expect(series.samples == [Sample(value: 2, at: at), Sample(value: 3, at: at + .seconds(3))])
        let many = (0..<1000).map { Sample(value: Quantity($0), at: at + .seconds(999 - $0)) }
        let kept = Memory.Series(metric: "queue", samples: many).samples
        #expect(kept.count == Memory.maximumSamples)
        #expect(kept.last?.value == 0)
    }

    static let refused: [(String, String, String)] = [
        (#"{"version":2,"series":[],"conditions":[]}"#, "/version", "reads 1"),
        (#"{"series":[]}"#, "/version", "is missing"),
        (#"{"version":1,"serie":[]}"#, "/serie", "did you mean “series”?"),
        (#"{"version":1,"lastUp":"noon"}"#, "/lastUp", "is not an integer"),
        (#"{"version":1,"series":[{"metric":"q","samples":[[1]]}]}"#, "/series/0/samples/0", "pair"),
        (#"{"version":1,"series":[{"metric":"q","samples":[[1,"x"]]}]}"#, "/series/0/samples/0", "decimal"),
        (#"{"version":1,"series":[{"metric":"q","samples":[],"lastGood":1}]}"#, "/series/0/lastGood", "pair"),
        (#"{"version":1,"series":[{"metric":"q","samples":[],"askedSince":"noon"}]}"#, "/series/0/askedSince", "is not an integer"),
        (
            #"{"version":1,"conditions":[{"metric":"q","side":"beside","threshold":1,"since":1}]}"#,
            "/conditions/0/side", "none of"
        ),
        (#"[]"#, "", "is not an object"),
    ]

    @Test("memory that this version can't honour is refused with its place", arguments: Self.refused)
    func refuses(text: String, pointer: String, words: String) throws {
        let json = try JSON(parsing: text)
        let error = #expect(throws: JSONError.self) { try Memory(json: json) }
        #expect(error?.pointer == pointer)
        #expect(error?.message.contains(words) == true)
    }
}
