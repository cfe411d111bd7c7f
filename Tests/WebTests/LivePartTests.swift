import FoundationEssentials
import Testing

@testable import Dashboard
@testable import Pages

struct LivePartTests {
    @Test func `text of orgs cannot begin a field of the stream`() {
        for newline in ["\n", "\r", "\r\n", "\u{2028}", "\u{85}", "\u{0B}"] {
            let part = LivePart("list", "<b>\("x\(newline)event: end\(newline)data: y")</b>")
            let lines = part.event.split(omittingEmptySubsequences: false) {
                $0 == "\n" || $0 == "\r" || $0 == "\r\n"
            }
            #expect(lines.first == "event: part" && part.event.hasSuffix("\n\n"))
            #expect(lines.dropFirst().allSatisfy { $0.isEmpty || $0.hasPrefix("data: ") }, "\(lines)")
        }
    }

    @Test func `a part changes with its content, but not with the text of relative times`() {
        func part(_ age: String, _ state: String) -> LivePart {
            LivePart(
                "list",
                "<p><time datetime=\"2026\">\(age)</time> \(state) <time datetime=\"2025\">\(age)</time></p>")
        }
        #expect(part("3 s ago", "running").key == part("5 s ago", "running").key)
        #expect(part("3 s ago", "running").key != part("3 s ago", "done").key)
    }

    @Test func `viewers of one page share a read per interval, and get only what has changed`() async throws {
        let hub = LiveHub()
        var reads = 0
        #expect(hub.join("a") && hub.join("a"))
        let now = ContinuousClock.now
        func snapshot(_ text: String, after duration: Duration) async throws -> LiveHub.Snapshot {
            try await hub.snapshot(of: "a", now: now + duration) {
                reads += 1
                return [LivePart("one", "\(text)"), LivePart("two", "same")]
            }
        }
        let first = try await snapshot("x", after: .zero)
        #expect(first.changes(since: -1).map(\.id) == ["one", "two"])
        let second = try await snapshot("y", after: .seconds(1))
        #expect(reads == 1 && second.changes(since: first.version).isEmpty)
        let third = try await snapshot("y", after: LiveLimits.interval)
        #expect(reads == 2 && third.changes(since: first.version).map(\.content.markup) == ["y"])
        // A viewer that joins later gets everything.
        #expect(third.changes(since: -1).count == 2)
    }

    @Test func `the number of streams and of pages is bounded`() {
        let hub = LiveHub()
        for number in 0..<LiveLimits.topics { #expect(hub.join("page \(number)")) }
        #expect(!hub.join("another page") && !hub.hasRoom(for: "another page") && hub.hasRoom(for: "page 1"))
        while hub.streams < LiveLimits.streams { #expect(hub.join("page 1")) }
        #expect(!hub.join("page 1"))
        hub.leave("page 0")
        #expect(hub.join("another page"))
    }

    @Test func `a failed read is repeated after the interval`() async throws {
        struct Failure: Error {}
        let hub = LiveHub()
        _ = hub.join("a")
        let now = ContinuousClock.now
        await #expect(throws: Failure.self) { try await hub.snapshot(of: "a", now: now) { throw Failure() } }
        let soon = try await hub.snapshot(of: "a", now: now + .seconds(1)) { [LivePart("one", "x")] }
        #expect(soon.changes(since: -1).isEmpty)
        let later = try await hub.snapshot(of: "a", now: now + .seconds(2)) { [LivePart("one", "x")] }
        #expect(later.changes(since: -1).count == 1)
    }
}
