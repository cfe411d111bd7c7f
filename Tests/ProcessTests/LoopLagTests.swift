import Foundation
import Reactor
import Support
import Testing

@testable import Multiconnect

/// How late the timers of a loop are.
struct LoopLagTests {
    @Test func `a loop that is blocked has a lag, which two intervals later is over`() async throws {
        let loop = EventLoop(name: "lag test")
        defer { loop.shutdown() }
        let lag = LoopLag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: loop) { await lag.measure() }
            try await eventually("a delay of half a second") {
                await loop.run { _ = usleep(700_000) }
                return lag.longest > .milliseconds(150)
            }
            lag.rotate()
            #expect(lag.longest > .milliseconds(150))
            group.cancelAll()
            try await group.waitForAll()
        }
        lag.rotate()
        lag.rotate()
        #expect(lag.longest == .zero)
    }
}
