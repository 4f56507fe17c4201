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
                Memory.Series(metric: "cpu"),
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
