import Foundation
import Testing

@testable import JobWorker
@testable import Jobs

struct LaneNameTests {
    @Test func `a tenant's jobs have a lane of their own`() throws {
        let id = try #require(UUID(uuidString: "6A0A0F3C-6F0B-4C34-9C5F-3B1E1C1D1E1F"))
        #expect(
            NewJob("A", organizationID: id).lane.text == "default:t-6a0a0f3c-6f0b-4c34-9c5f-3b1e1c1d1e1f")
        #expect(NewJob("A", queue: "mail").lane.text == "mail")
    }

    @Test(arguments: [
        ("mailers:low", "mailers:low"), ("a:t-nobody", "a:t-nobody"), ("default:f-07", "default:f-07"),
        ("a:f-٠٧", nil),
    ])
    func `only a UUID after the mark makes a tenant's lane`(_ text: String, _ queue: String?) {
        #expect(LaneName(text: text).parts?.queue == queue)
        #expect(LaneName(text: text).parts?.organizationID == nil)
    }

    @Test func `a tenant's lane is read back, also in a queue whose name has colons`() throws {
        let id = UUID()
        let parts = try #require(LaneName(queue: "mailers:low", organizationID: id).parts)
        #expect(parts.queue == "mailers:low" && parts.organizationID == id)
        #expect(!LaneName.isValidQueue("a:t-\(id.uuidString.lowercased())"))
    }

    @Test(arguments: ["", "a b", "a<b", "ä", "a/b", String(repeating: "q", count: 65)])
    func `a queue name that Sidekiq's pages do not support is refused`(_ name: String) {
        #expect(!LaneName.isValidQueue(name))
    }

    @Test(arguments: [("ImportMapping", true), ("A::B_2", true), ("", false), ("2A", false), ("A<b>", false)])
    func `a class is a letter, then letters, digits, underscores and colons`(_ name: String, _ valid: Bool) {
        #expect(LaneName.isValidClass(name) == valid)
    }
}
