import Glibc
import Simulator

/// Simulates a cluster under faults.
///
/// `muster-sim --seed N [--trace]` runs one seed; `muster-sim --faults N [--from SEED]` runs seeds until so many faults were injected.
/// Both end with one line of JSON. Ends with 1 when an invariant was broken, with 2 when the command is wrong.
@main struct MusterSim {
    static let usage = """
        usage: muster-sim --seed N [--trace] [--nodes 1-9] [--strict on|off] [--plant BUG] [--only FAULT,…] [--lasting on|off] [--calm]
               muster-sim --faults N [--from SEED] [--nodes 1-9] [--strict on|off] [--plant BUG] [--only FAULT,…] [--lasting on|off]
        BUG: \(PlantedBug.allCases.map(\.rawValue).joined(separator: ", "))
        FAULT: \(Fault.allCases.map(\.rawValue).joined(separator: ", "))
        """
    /// A sweep that finds this many failing seeds has found enough.
    static let mostFailures = 10

    var scenario = Scenario(seed: 1)
    var wantedFaults: Int?
    var traced = false

    static func main() {
        var command = MusterSim()
        command.parse(CommandLine.arguments.dropFirst())
        exit(command.run())
    }

    static func report(_ words: String) {
        let line = words + "\n"
        // Nobody is left to tell when standard error can't be written to.
        _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }

    static func reject(_ words: String) -> Never {
        Self.report("\(words)\n\(Self.usage)")
        exit(2)
    }

    private mutating func parse(_ words: ArraySlice<String>) {
        var words = words
        var hasSeed = false
        func value<T>(of option: String, _ parse: (String) -> T?) -> T {
            guard let text = words.popFirst() else { Self.reject("\(option) needs a value") }
            guard let value = parse(text) else { Self.reject("\(option) can't be “\(text)”") }
            return value
        }
        while let option = words.popFirst() {
            switch option {
            case "--seed", "--from":
                self.scenario.seed = value(of: option) { UInt64($0) }
                hasSeed = hasSeed || option == "--seed"
            case "--faults": self.wantedFaults = value(of: option) { Int($0) }
            case "--nodes":
                self.scenario.nodes = value(of: option) { Int($0).flatMap { (1...Scenario.mostNodes).contains($0) ? $0 : nil } }
            case "--strict": self.scenario.strict = value(of: option) { ["on": true, "off": false][$0] }
            case "--lasting": self.scenario.lasting = value(of: option) { ["on": true, "off": false][$0] }
            case "--plant": self.scenario.planted = value(of: option) { PlantedBug(rawValue: $0) }
            case "--only":
                self.scenario.only = value(of: option) { text in
                    let faults = text.split(separator: ",").map { Fault(rawValue: String($0)) }
                    return faults.contains(nil) ? nil : Set(faults.compactMap(\.self))
                }
            case "--calm": self.scenario.calm = true
            case "--trace": self.traced = true
            default: Self.reject("unknown option \(option)")
            }
        }
        guard hasSeed != (self.wantedFaults != nil) else { Self.reject("exactly one of --seed and --faults is needed") }
        if self.scenario.calm, self.wantedFaults != nil { Self.reject("--calm injects no faults") }
    }

    /// The exit status.
    private func run() -> Int32 {
        var scenario = self.scenario
        var tally = Tally()
        repeat {
            let outcome = Simulator.run(scenario, trace: self.traced ? { print($0) } : nil)
            tally.add(outcome)
            for violation in outcome.violations {
                Self.report("seed \(scenario.seed): \(violation)\n  repeat it with: \(scenario.command)")
            }
            scenario.seed += 1
        } while self.wantedFaults.map { tally.faults < $0 && tally.failed.count < Self.mostFailures } ?? false
        print(tally.json)
        return tally.failed.isEmpty ? 0 : 1
    }
}
