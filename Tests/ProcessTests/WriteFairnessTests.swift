import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Writes of two tenants that one worker sends.
    @Suite(.tags(.process))
    struct WriteFairnessTests {
        private static let simulator = [
            "--orgs", "2", "--accounts", "50", "--contacts", "10", "--tweets", "5",
        ]
        /// More than the rows of one Bulk job.
        private static let backlog = 12_000
        /// Half of the other tenant's writes may take this long. Without a flood they take some milliseconds.
        private static let usual = Duration.seconds(3)
        /// Any of them, on a machine that runs other suites too. The flood takes a minute.
        private static let longest = Duration.seconds(10)

        @Test func `a tenant's backlog does not delay a write of another tenant`() async throws {
            try await withApplication(simulator: Self.simulator) { flood in
                let orgs = try await flood.deployment.orgs()
                let calm = ApplicationRig(
                    deployment: flood.deployment, org: orgs[1], worker: flood.worker)
                try await flood.app(
                    """
                    insert into T.account (name)
                    select 'Flood ' || n from generate_series(1, \(Self.backlog)) n
                    """
                )
                try await expectPrompt(calm, beside: flood, "inserts")
                try await eventually(within: .seconds(240), "the inserts are sent") {
                    try await waiting(flood) == 0
                }
                // Many updates of one kind go through Bulk jobs.
                try await flood.app("update T.account set phone = '1' where name like 'Flood %'")
                try await expectPrompt(calm, beside: flood, "updates")
            }
        }

        private func waiting(_ rig: ApplicationRig) async throws -> Int {
            try await rig.app("select count(*) from T._trigger_log where state in ('NEW', 'PENDING')")
                .scalar()
        }

        private func expectPrompt(
            _ calm: ApplicationRig, beside flood: ApplicationRig, _ what: String
        ) async throws {
            var times: [Duration] = []
            for number in 1...8 {
                let begin = ContinuousClock.now
                let id: Int = try await calm.app(
                    "insert into T.account (name) values ('Calm \(what) \(number)') returning id"
                ).scalar()
                try await eventually(within: .seconds(60), "a write of the other tenant is sent") {
                    try await calm.app("select sfid is not null from T.account where id = \(id)").scalar()
                }
                times.append(.now - begin)
            }
            #expect(try await waiting(flood) > 0, "the flood is not over")
            #expect(times.sorted()[times.count / 2] < Self.usual, "\(what): \(times)")
            #expect(times.allSatisfy { $0 < Self.longest }, "\(what): \(times)")
        }
    }
}
