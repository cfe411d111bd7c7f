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
            options.quietSeconds = 60
            return options
        }

        private static let streamed = options([.gap, .lostDeletes], hasEvents: true)
        private static let polled = options([.silentLate, .silentMany], hasEvents: false, accounts: 2_500)

        private func expectFound(_ fault: String, _ options: SoakOptions) async throws {
            var options = options
            options.fault = fault
            // Longer than the time in which all changes arrive without a fault.
            options.quietSeconds = 30
            let failure = await #expect(throws: SoakDriver.Failure.self) {
                try await SoakDriver(options: options, seeds: options.seeds).run()
            }
            #expect(
                failure?.description.contains("differences after events") == true,
                "\(failure?.description ?? "")")
        }

        @Test func `without a fault gaps, overflows, late rows and long polls end in equal tables`()
            async throws
        {
            await #expect(throws: Never.self) {
                try await SoakDriver(options: Self.streamed, seeds: Self.streamed.seeds).run()
                try await SoakDriver(options: Self.polled, seeds: Self.polled.seeds).run()
            }
        }

        @Test(arguments: ["ignoredGap", "reloadKeepsDeleted"])
        func `a fault of events and reloads is found`(_ fault: String) async throws {
            try await expectFound(fault, Self.streamed)
        }

        @Test(arguments: ["noOverlap", "droppedPage"])
        func `a fault of polls is found`(_ fault: String) async throws {
            try await expectFound(fault, Self.polled)
        }
    }
}
