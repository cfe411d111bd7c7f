import Replication
import Support
import Testing

extension ProcessTests {
    /// The comparison of the soak finds faults that are planted in its workers.
    @Suite(.tags(.long), .serialized)
    struct SoakFaultTests {
        /// Few changes and many troubles of the kinds that show the fault.
        private static func options(
            _ troubles: [SoakPlan.Trouble], hasEvents: Bool, accounts: Int = 150
        ) -> SoakOptions {
            var options = SoakOptions(["SOAK_SEEDS": "1", "SOAK_OPERATIONS": "80", "SOAK_KILLS": "0"])
            options.kinds = ["create", "update"]
            options.troubles = troubles
            options.stepsPerTrouble = 1
            options.hasEvents = hasEvents
            options.accounts = accounts
            // With events nothing else may bring the changes.
            options.pollingSeconds = hasEvents ? 3_600 : 10
            options.isShort = true
            options.hasWrites = false
            options.quietSeconds = 60
            options.lateMilliseconds = hasEvents ? 3_000 : 15_000
            return options
        }

        /// The changes that show a fault.
        private static func options(_ fault: PlantedFault) -> SoakOptions? {
            switch fault {
            case .ignoredGap: options([.gap], hasEvents: true)
            case .reloadKeepsDeleted: options([.lostDeletes], hasEvents: true)
            case .noOverlap: options([.silentLate], hasEvents: false)
            case .droppedPage: options([.silentMany], hasEvents: false, accounts: 2_500)
            // Tables are equal without them too, as long as no second writer or user interferes.
            case .skippedFence, .logBeforeLock: nil
            // Events prove most writes before a look-up, so that a run finds these only by chance.
            // `PlantedFaultTests` finds them.
            case .forgottenHold, .skippedLookup, .immediateResend: nil
            }
        }

        /// The changes of all faults together, with and without events.
        @Test(arguments: [
            options([.gap, .lostDeletes], hasEvents: true),
            options([.silentLate, .silentMany], hasEvents: false, accounts: 2_500),
        ])
        func `without a fault the tables become equal`(_ options: SoakOptions) async throws {
            await #expect(throws: Never.self) {
                try await SoakDriver(options: options, seeds: options.seeds).run()
            }
        }

        @Test(arguments: PlantedFault.allCases.filter { options($0) != nil })
        func `a planted fault leaves differences`(_ fault: PlantedFault) async throws {
            var options = try #require(Self.options(fault))
            options.fault = fault.rawValue
            // Longer than the time in which all changes arrive without a fault.
            options.quietSeconds = 20
            let failure = await #expect(throws: SoakDriver.Failure.self) {
                try await SoakDriver(options: options, seeds: options.seeds).run()
            }
            #expect(
                failure?.description.contains("differences after events") == true,
                "\(failure?.description ?? "")")
        }
    }
}
