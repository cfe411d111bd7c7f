import Support
import Testing

extension ProcessTests {
    /// Thousands of random changes while workers are killed. `SoakOptions` lists the settings.
    @Suite(.tags(.long), .serialized)
    struct SoakTests {
        @Test func `equal seeds give equal steps`() {
            let options = SoakOptions(["SOAK_OPERATIONS": "300", "SOAK_KILLS": "3"])
            let first = SoakPlan(options, seed: 5).steps
            #expect(first == SoakPlan(options, seed: 5).steps)
            #expect(first != SoakPlan(options, seed: 6).steps)
            let kills = first.count { if case .kill = $0 { true } else { false } }
            #expect(kills == 3)
        }

        @Test func `seeds and ranges of seeds are read and divided into groups`() {
            let options = SoakOptions(["SOAK_SEEDS": "3,7-9", "SOAK_GROUP": "3"])
            #expect(options.groups == [[3, 7, 8], [9]])
        }

        @Test(arguments: SoakOptions().groups)
        func `the tenants' tables equal their orgs after random changes, troubles and kills`(
            seeds: [UInt64]
        ) async throws {
            await #expect(throws: Never.self) {
                try await SoakDriver(options: SoakOptions().of(seeds), seeds: seeds).run()
            }
        }
    }
}
