import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// The tenants of workers that are stopped or killed, with the periods of production.
    @Suite(.tags(.long))
    struct LeaseKillTests {
        @Test func `the tenants of a killed worker are taken over within five seconds`() async throws {
            try await withLeaseRig { rig in
                let first = try await rig.worker()
                try await rig.until(first, holds: LeaseRig.tenants)
                let second = try await rig.worker()
                try await rig.until(second, holds: LeaseRig.tenants / 2)
                let begin = ContinuousClock.now
                first.kill()
                let seconds = try await rig.until(second, holds: LeaseRig.tenants, since: begin)
                printFigure("leases.takeover_kill_s", seconds, "s", "<=5")
                #expect(seconds <= 5)
                second.signal(SIGTERM)
                #expect(second.exitStatus(within: .seconds(25)) == 0)
                #expect(
                    try await rig.queue.number(
                        "select count(*) from multiconnect_sync.leases where holder is not null") == 0)
                #expect(
                    try await rig.queue.number("select count(*) from multiconnect_sync.lease_holders") == 0)
            }
        }

        @Test
        func `a suspended worker loses its tenants after its lease, and gives them up when it continues`()
            async throws
        {
            try await withLeaseRig { rig in
                let first = try await rig.worker()
                try await rig.until(first, holds: LeaseRig.tenants)
                let name = try await rig.sessionName(of: first)
                #expect(try await rig.sessions(named: name) >= 1)
                let second = try await rig.worker()
                try await rig.until(second, holds: LeaseRig.tenants / 2)
                first.signal(SIGSTOP)
                let begin = ContinuousClock.now
                let seconds = try await rig.until(second, holds: LeaseRig.tenants, since: begin)
                printFigure("leases.takeover_stop_s", seconds, "s", "<=13")
                #expect(seconds > 7 && seconds <= 13, "a lease lasts ten seconds")
                try await eventually(within: .seconds(5), "its sessions are terminated") {
                    try await rig.sessions(named: name) == 0
                }
                let epochs = try await rig.queue.number(
                    "select sum(epoch)::bigint from multiconnect_sync.leases")
                first.signal(SIGCONT)
                // It registers again, and gets its share with new epochs.
                try await rig.until(first, holds: LeaseRig.tenants / 2)
                try await rig.until(second, holds: LeaseRig.tenants / 2)
                #expect(
                    try await rig.queue.number("select sum(epoch)::bigint from multiconnect_sync.leases")
                        == epochs + LeaseRig.tenants, "half of the tenants were released and acquired")
                first.kill()
                second.kill()
            }
        }
    }
}
