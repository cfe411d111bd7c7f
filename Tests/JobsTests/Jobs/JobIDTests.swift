import Testing

@testable import Jobs

struct JobIDTests {
    @Test func `a new id is 24 lower-case hexadecimal digits`() {
        for _ in 0..<100 {
            let id = JobID()
            #expect(JobID(id.text) == id)
            #expect(id.text.count == 24)
        }
    }

    @Test func `ids differ`() {
        #expect(Set((0..<1000).map { _ in JobID() }).count == 1000)
    }

    @Test(arguments: [
        "", "abc", "ABCDEF0123456789ABCDEF01", "0123456789abcdef0123456g", "0123456789abcdef012345678",
    ])
    func `text that is not an id is refused`(_ text: String) {
        #expect(JobID(text) == nil)
    }
}
