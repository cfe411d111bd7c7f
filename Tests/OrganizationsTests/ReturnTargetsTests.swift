import Testing

@testable import Organizations

/// Where a browser may return after a consent.
struct ReturnTargetsTests {
    private let targets = ReturnTargets(
        appURL: "https://sync.example.com", others: ["http://localhost:18000", "https://app.example.com"])

    @Test(arguments: [
        "/", "/dashboard?a=b", "https://sync.example.com", "https://SYNC.example.com/x",
        "https://app.example.com?x#y", "http://localhost:18000", "http://localhost:18000/",
    ])
    func `pages of ours and of the allowed origins are accepted`(_ target: String) {
        #expect(targets.accept(target))
    }

    @Test(arguments: [
        "", "//evil.example", "/\\evil.example", "\\/evil.example", "https://evil.example/",
        "https://app.example.com.evil.example/", "https://app.example.com@evil.example/",
        "https://app.example.com:8443/", "http://localhost:180001/", "http://app.example.com/",
        "javascript:alert(1)", " https://app.example.com/", "https://app.example.com/\n", "/é",
        "/" + String(repeating: "a", count: 2_000),
    ])
    func `everything else is refused`(_ target: String) {
        #expect(!targets.accept(target))
    }
}
