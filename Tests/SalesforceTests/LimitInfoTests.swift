import Testing

@testable import Salesforce

struct LimitInfoTests {
    @Test(arguments: [
        ("api-usage=18/5000", 18, 5000), ("api-usage=10018/100000", 10018, 100000),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-app)", 25, 5000),
        ("per-app-api-usage=17/250(appName=sample-app), api-usage=25/5000", 25, 5000),
    ])
    func `the use of the quota is parsed`(header: String, used: Int, allowed: Int) {
        #expect(LimitInfo(header: header) == LimitInfo(used: used, allowed: allowed))
    }

    @Test(arguments: [
        "", "api-usage=", "api-usage=1", "api-usage=1/0", "api-usage=-1/5", "api-usage=x/5", "usage=1/5",
    ])
    func `a header without usable quota is ignored`(header: String) {
        #expect(LimitInfo(header: header) == nil)
    }

    @Test(arguments: [("60.0", 60), ("60", 60), ("7.0", 7)])
    func `an API version is parsed`(text: String, major: Int) {
        #expect(APIVersion(text)?.major == major)
    }

    @Test(arguments: ["", "v60.0", "60.1", "0", "60.0.0", "-1"])
    func `an invalid API version is refused`(text: String) {
        #expect(APIVersion(text) == nil)
    }

    @Test func `the path contains the pinned version`() {
        #expect(APIVersion.pinned.path == "/services/data/v60.0")
        #expect(APIVersion(59) < APIVersion.pinned)
    }
}
