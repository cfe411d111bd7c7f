import Glibc
import Reactor
import Testing

struct BrokenPipeTests {
    /// In its own process, because a failure kills the process.
    @Test func `a write to a closed pipe on a loop fails and does not end the process`() async {
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
