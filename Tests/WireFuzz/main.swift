import Glibc
import WireVectors

// Feeds damaged heads and chunked bodies to the parsers of HTTPWire:

/// Prints a line at once: after a crash, the last line shows the progress.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

func argument(_ name: String) -> UInt64? {
    guard let index = CommandLine.arguments.firstIndex(of: name) else { return nil }
    guard index + 1 < CommandLine.arguments.count, let value = UInt64(CommandLine.arguments[index + 1]) else {
        say("WireFuzz: \(name) wants a number")
        exit(64)
    }
    return value
}

/// More failures would only repeat the first ones.
let maximumFailures = 10

let inputs = Int(argument("--inputs") ?? 20_000_000)
let seed = argument("--seed") ?? UInt64.random(in: 0...UInt64(UInt32.max))
say("seed \(seed): --seed \(seed) repeats this run")

var campaign = Campaign(seed: seed)
var failures = campaign.checkVectors()
for failure in failures { say("FAILURE \(failure)") }
let clock = ContinuousClock()
let start = clock.now
var done = 0
while done < inputs, failures.count < maximumFailures {
    if let failure = campaign.next() {
        failures.append(failure)
        say("FAILURE in input \(done): \(failure)")
    }
    done += 1
    if done.isMultiple(of: 1_000_000) { say("\(done) inputs in \(clock.now - start)") }
}
let elapsed = clock.now - start
let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18

for (name, tally) in [("heads", campaign.headTally), ("bodies", campaign.bodyTally)] {
    say("\(name): \(tally.complete) complete, \(tally.incomplete) incomplete; refused for:")
    for (code, count) in tally.refused.sorted(by: { $0.value > $1.value }) { say("  \(code) \(count)") }
}
say("figure fuzz.inputs \(done) inputs >=10000000")
say("figure fuzz.inputs_per_s \(Int(Double(done) / max(seconds, 0.001))) inputs/s -")
say("figure fuzz.failures \(failures.count) failures ==0")
exit(failures.isEmpty ? 0 : 1)
