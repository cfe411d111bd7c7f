import Glibc
import Reactor
import Testing

struct BrokenPipeTests {
    /// In a process of its own, because it is about the process's death.
    @Test func `a write to nobody on a loop fails and ends nothing`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            let loop = EventLoop(name: "broken pipe")
            await loop.run {
                var ends: [Int32] = [0, 0]
                #expect(pipe(&ends) == 0)
                close(ends[0])
                #expect(write(ends[1], "x", 1) == -1)
                #expect(errno == EPIPE)
            }
        }
    }
}
