import Model
import Testing

@Suite("Calendar dates")
struct CivilDateTests {
    @Test(
        "known days have their number and weekday",
        arguments: [
            (1970, 1, 1, 0, 4), (1969, 12, 31, -1, 3), (2000, 2, 29, 11_016, 2), (2026, 11, 21, 20_778, 6), (1600, 2, 29, -135_081, 2), (0, 3, 1, -719_468, 3),
        ])
    func known(year: Int, month: Int, day: Int, number: Int, weekday: Int) throws {
        let date = try #require(CivilDate(year: year, month: month, day: day))
        #expect(date.daysSinceEpoch == number)
        #expect(date.weekday == weekday)
        #expect(CivilDate(daysSinceEpoch: number) == date)
    }

    @Test("days follow one another over all years", arguments: [-9999, -1, 1899, 1999, 2099, 99_998])
    func consecutive(year: Int) throws {
        var last = try #require(CivilDate(year: year, month: 1, day: 1))
        for number in 1...365 {
            let next = CivilDate(daysSinceEpoch: last.daysSinceEpoch + 1)
            #expect(last < next)
            #expect(next.weekday == (last.weekday + 1) % 7, "\(number)")
            #expect(next.day == last.day + 1 || next.day == 1 && last.day == CivilDate.daysInMonth(year: last.year, month: last.month))
            last = next
        }
    }

    @Test("what is no day is refused", arguments: [(2026, 2, 29), (1900, 2, 29), (2026, 0, 1), (2026, 13, 1), (2026, 1, 0), (2026, 4, 31), (100_000, 1, 1)])
    func refused(year: Int, month: Int, day: Int) {
        #expect(CivilDate(year: year, month: month, day: day) == nil)
    }

    @Test("days beyond the years are the first and the last day")
    func ends() {
        #expect(CivilDate(daysSinceEpoch: .max).description == "99999-12-31")
        #expect(CivilDate(daysSinceEpoch: .min).description == "-9999-01-01")
        #expect(CivilDate(daysSinceEpoch: .min) == CivilDate(year: -9999, month: 1, day: 1))
    }
}
