import CLinux
import Foundation
import Testing

@testable import Reactor

struct CoreDumpTests {
    @Test func `no core is dumped, and other processes of the user cannot read the memory`() throws {
        CoreDumps.disable()
        defer { _ = prctl_number(PR_SET_DUMPABLE, 1) }
        #expect(prctl_number(PR_GET_DUMPABLE, 0) == 0)
        let limits = try String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").filter { $0 == "0" }.count == 2)
    }
}
