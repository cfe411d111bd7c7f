import Foundation

/// What one run of the soak does. `SOAK_SEEDS=7 SOAK_OPERATIONS=500 bin/test --filter SoakTests` replays one
/// seed. The default is the part of `bin/test --long`.
struct SoakOptions: Sendable {
    /// `SOAK_SEEDS`: seeds and ranges, such as `1-20,77`.
    var seeds: [UInt64]
    /// `SOAK_OPERATIONS`: changes of rows per seed.
    var operations: Int
    /// `SOAK_KILLS`: workers that are killed with SIGKILL per seed.
    var kills: Int
    /// `SOAK_KINDS`: the kinds of changes, by comma. Default: all that leave a trace by event or poll.
    var kinds: [String]
    /// `SOAK_TROUBLES`: the kinds of troubles beside changes of rows, by comma. Empty: none.
    var troubles: [SoakPlan.Trouble]
    /// `SOAK_GROUP`: seeds that run at the same time, each with an org of its own. They share the workers.
    var group: Int
    /// `SOAK_POLLING`: `sf_polling_seconds` of all mappings.
    var pollingSeconds: Int
    /// Accounts of each org at the start.
    var accounts = 150
    /// False: the orgs send no events, so that changes are polled.
    var hasEvents = true
    /// True: applications change rows in the tenants' schemas too. `SOAK_WRITES`: 1 for all seeds, 0 for none;
    /// by default for some, because such seeds take twice as long.
    var hasWrites: Bool
    private var choosesWrites: Bool
    /// `SOAK_MERGED=1`: the changes of a row that wait are sent as one.
    var isMerged: Bool
    /// After this time updates without events become visible.
    var lateMilliseconds = 8_000
    /// Steps per trouble, on average.
    var stepsPerTrouble = 8
    /// True: only events, polls and reloads are checked, and purged records must leave the tables too.
    var isShort = false
    /// A fault that the workers have, so that the comparison must find differences.
    var fault: String?
    /// `SOAK_SECONDS`: the time in which all changes must have arrived after the last one.
    var quietSeconds: Int

    /// As many records come as go, so that an org does not become empty.
    static let kinds = [
        "create", "create", "create", "update", "update", "update", "update", "update", "delete", "undelete",
        "merge", "reparent", "cascade", "hardDelete",
    ]

    init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
        func list(_ name: String) -> [String]? {
            environment[name].map {
                $0.split(separator: ",").map { String($0).trimmingCharacters(in: .whitespaces) }
            }
        }
        seeds = (list("SOAK_SEEDS") ?? ["1-20"]).flatMap(Self.range)
        operations = environment["SOAK_OPERATIONS"].flatMap { Int($0) } ?? 2_000
        kills = environment["SOAK_KILLS"].flatMap { Int($0) } ?? 3
        group = max(1, environment["SOAK_GROUP"].flatMap { Int($0) } ?? 7)
        pollingSeconds = environment["SOAK_POLLING"].flatMap { Int($0) } ?? 10
        kinds = list("SOAK_KINDS") ?? Self.kinds
        troubles =
            list("SOAK_TROUBLES")?.compactMap(SoakPlan.Trouble.init(rawValue:)) ?? SoakPlan.Trouble.usual
        hasWrites = environment["SOAK_WRITES"] == "1"
        choosesWrites = environment["SOAK_WRITES"] == nil
        isMerged = environment["SOAK_MERGED"] == "1"
        quietSeconds = environment["SOAK_SECONDS"].flatMap { Int($0) } ?? 120
    }

    private static func range(_ text: String) -> [UInt64] {
        let bounds = text.split(separator: "-").compactMap { UInt64($0) }
        guard let first = bounds.first, let last = bounds.last, first <= last else { return [] }
        return Array(first...last)
    }

    /// The seeds of each deployment.
    var groups: [[UInt64]] {
        stride(from: 0, to: seeds.count, by: group).map { Array(seeds[$0...].prefix(group)) }
    }

    /// The seeds with writes, unless `SOAK_WRITES` says otherwise.
    private static let writingSeeds: ClosedRange<UInt64> = 15...20

    /// The options of one deployment.
    func of(_ seeds: [UInt64]) -> SoakOptions {
        var options = self
        if choosesWrites { options.hasWrites = seeds.allSatisfy(Self.writingSeeds.contains) }
        return options
    }

    /// The command that repeats these seeds together.
    func replay(_ seeds: [UInt64]) -> String {
        "SOAK_SEEDS=\(seeds.map(String.init).joined(separator: ",")) SOAK_GROUP=\(seeds.count) "
            + "SOAK_OPERATIONS=\(operations) SOAK_KILLS=\(kills) SOAK_WRITES=\(hasWrites ? 1 : 0) "
            + "SOAK_MERGED=\(isMerged ? 1 : 0) SOAK_POLLING=\(pollingSeconds) SOAK_KINDS=\(kinds.joined(separator: ",")) "
            + "SOAK_TROUBLES=\(troubles.map(\.rawValue).joined(separator: ",")) bin/test --filter SoakTests"
    }
}

/// SplitMix64: the same numbers for the same seed on each machine.
struct SoakRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
