import Reactor
import Testing

@testable import Jobs

struct SlotGateTests {
    /// Taken for a closed gate, it would end the fetcher, and the worker would take no job any more.
    @Test func `room that is gone before the one who waits can look lets him wait on`() async {
        let loop = EventLoop(name: "gate test")
        defer { loop.shutdown() }
        // On one thread, so that the order is certain.
        await loop.run {
            let gate = SlotGate(slots: 2, unrecordedEnds: 1)
            gate.take(2)
            await withTaskGroup(of: Int.self) { group in
                group.addTask { await gate.waitForFree() }
                await Task.yield()
                gate.release(owingEnd: false)
                gate.release(owingEnd: true)
                await Task.yield()
                gate.settle()
                #expect(await group.next() == 1)
            }
            gate.close()
            #expect(await gate.waitForFree() == 0)
        }
    }

    @Test func `who waits for a slot until a time is let go then, and can wait again`() async {
        let loop = EventLoop(name: "gate test")
        defer { loop.shutdown() }
        await loop.run {
            let gate = SlotGate(slots: 1, unrecordedEnds: 1)
            gate.take(1)
            #expect(await gate.waitForFree(until: .now + .milliseconds(20)) == 0)
            #expect(await gate.waitForFree(until: .now) == 0)
            gate.release(owingEnd: false)
            #expect(await gate.waitForFree(until: .now) == 1)
        }
    }
}
