import Testing

@testable import muster_sample

@Suite("Load curve") struct LoadCurveTests {
    private let curve = LoadCurve(trough: 1.5, peak: 20, shift: 0, seed: 1)

    @Test("a day begins and ends at the trough and has its peak in the middle, bursts apart")
    func day() {
        #expect(abs(self.calm(0) - 1.5) < 1e-9)
        #expect(abs(self.calm(60) - 20) < 1e-9)
        #expect(abs(self.calm(120) - 1.5) < 1e-9)
        #expect(self.calm(30) < self.calm(45))
        #expect(self.calm(75) > self.calm(90))
    }

    /// The rate without a burst's factor.
    private func calm(_ time: Double) -> Double {
        let rate = self.curve.rate(at: time)
        return self.curve.isBurst(at: time) ? rate / LoadCurve.burstFactor : rate
    }

    @Test("a shifted region has the same day later")
    func shift() {
        let later = LoadCurve(trough: 1.5, peak: 20, shift: 40, seed: 1)
        let quiet = stride(from: 40.0, to: 160, by: 1).filter { !later.isBurst(at: $0) }
        #expect(quiet.count > 60)
        for time in quiet {
            let phase = time - 40
            #expect(abs(later.rate(at: time) - self.calm(phase)) < 1e-9, "at \(time)")
        }
    }

    @Test("the rate stays between the trough and the peak times the burst factor, for any seed")
    func bounds() {
        for seed in UInt64(0)..<50 {
            let curve = LoadCurve(trough: 1, peak: 10, shift: 0, seed: seed)
            for time in stride(from: 0.0, to: 600, by: 0.5) {
                let rate = curve.rate(at: time)
                #expect(rate >= 1 - 1e-9 && rate <= 10 * LoadCurve.burstFactor + 1e-9, "seed \(seed), time \(time)")
            }
        }
    }

    @Test("bursts last as long as they should and come in about one slot of four, at different times for different seeds")
    func bursts() {
        func starts(seed: UInt64) -> [Double] {
            let curve = LoadCurve(trough: 1, peak: 1, shift: 0, seed: seed)
            let times = stride(from: 0.0, to: 3000, by: 0.1).filter { curve.isBurst(at: $0) }
            // 200 slots; the number of bursts follows a binomial distribution with mean 50 and deviation 6.1.
            let seconds = Double(times.count) / 10
            #expect(seconds > 25 * LoadCurve.burstLength && seconds < 75 * LoadCurve.burstLength, "seed \(seed): \(seconds) s of burst")
            return times
        }
        #expect(starts(seed: 1) != starts(seed: 2))
        #expect(starts(seed: 3) == starts(seed: 3))
    }

    @Test("arrivals add up to the curve, however the time is cut")
    func arrivals() {
        func total(step: Double) -> Int {
            var arrivals = Arrivals(curve: self.curve)
            return stride(from: step, through: 120, by: step).reduce(0) { $0 + arrivals.jobs(until: $1) }
        }
        // The mean of the day, with some bursts on top.
        let mean = (1.5 + 20) / 2 * 120
        for step in [0.05, 0.2, 1.0] {
            let sum = Double(total(step: step))
            #expect(sum > mean * 0.98 && sum < mean * LoadCurve.burstFactor, "step \(step): \(sum)")
        }
        #expect(abs(total(step: 0.05) - total(step: 0.2)) < 30)
    }

    @Test("a feeder that stood still does not make up for the time")
    func standstill() {
        var arrivals = Arrivals(curve: LoadCurve(trough: 10, peak: 10, shift: 0, seed: 0))
        #expect(arrivals.jobs(until: 3600) <= Int(10 * Arrivals.longestStep * LoadCurve.burstFactor))
        #expect(arrivals.jobs(until: 3600) == 0)
        #expect(arrivals.jobs(until: 3500) == 0)
    }

    @Test(
        "a load on the command line is region, trough, peak and shift",
        arguments: [
            "eu-west:1.5:20", "eu-west:5:1:0", ":1:2:0", "eu-west:1:2:x", "eu-west:-1:2:0", "eu-west:1:5000:0", "eu-west:nan:2:0", "",
        ])
    func rejected(text: String) throws {
        #expect(RegionLoad(text, seed: 1) == nil)
        let load = try #require(RegionLoad("eu-west:1.5:20:40", seed: 1))
        #expect(load.region == "eu-west" && load.curve.trough == 1.5 && load.curve.peak == 20 && load.curve.shift == 40)
    }
}
