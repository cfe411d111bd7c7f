import Testing

@testable import Salesforce

struct HostRuleTests {
    private func rule(_ login: String = "https://login.salesforce.com") throws -> HostRule {
        try HostRule(loginURL: login)
    }

    @Test(arguments: [
        "https://acme.my.salesforce.com", "https://acme--dev.sandbox.my.salesforce.com/services/data",
        "https://LOGIN.salesforce.com:443/x", "https://acme.lightning.force.com",
        "https://test.salesforce.com?x=1",
    ])
    func `Salesforce's hosts may be called over https`(url: String) throws {
        #expect(try rule().checked(url).description.hasPrefix("https://"))
    }

    @Test(arguments: [
        "http://acme.my.salesforce.com", "https://acme.my.salesforce.com:8443",
        "https://salesforce.com.evil.example",
        "https://evilsalesforce.com", "https://evil.example/.salesforce.com",
        "https://evil.example#.salesforce.com",
        "https://salesforce.com@evil.example", "https://evil.example\\.salesforce.com",
        "https://a b.salesforce.com",
        "https://acme.salesforce.com%2eevil.example", "//acme.salesforce.com", "ftp://acme.salesforce.com",
        "https://",
        "https://127.0.0.1:8080", "https://[::1]", "https://.salesforce.com", "https://acme..salesforce.com",
        "",
        "https://acme.salesforce.com:", "https://acme.salesforce.com:0", "https://acme.salesforce.com:99999",
        "https://acme.salesforce.com:4４3",
    ])
    func `other addresses may not be called`(url: String) throws {
        let rule = try rule()
        #expect(throws: SalesforceError.self) { try rule.checked(url) }
    }

    @Test func `the configured origin may be called with its own scheme and port only`() throws {
        let rule = try rule("http://127.0.0.1:8080")
        #expect(try rule.checked("http://127.0.0.1:8080/services").port == 8080)
        #expect(throws: SalesforceError.self) { try rule.checked("http://127.0.0.1:8081") }
        #expect(throws: SalesforceError.self) { try rule.checked("https://127.0.0.1:8080") }
        #expect(!rule.loginIsSalesforce)
    }

    @Test func `http is allowed only on this machine`() {
        #expect(throws: SalesforceError.self) { try HostRule(loginURL: "http://login.salesforce.com") }
        #expect(throws: SalesforceError.self) { try HostRule(loginURL: "http://127.evil.example") }
        #expect(throws: Never.self) { try HostRule(loginURL: "http://localhost:1234") }
    }

    @Test func `each environment has its login origin`() throws {
        let rule = try rule()
        #expect(try rule.loginOrigin(for: .production).description == "https://login.salesforce.com")
        #expect(try rule.loginOrigin(for: .sandbox).description == "https://test.salesforce.com")
        #expect(
            try rule.loginOrigin(for: .myDomain("acme.my.salesforce.com")).description
                == "https://acme.my.salesforce.com")
        let local = try self.rule("http://127.0.0.1:8080")
        #expect(try local.loginOrigin(for: .sandbox).description == "http://127.0.0.1:8080")
    }

    @Test(arguments: [
        ("production", "production"), (" Sandbox ", "sandbox"),
        ("acme.my.salesforce.com", "acme.my.salesforce.com"),
        ("https://Acme.my.salesforce.com/lightning/page?x", "acme.my.salesforce.com"),
        ("acme--dev.sandbox.lightning.force.com", "acme--dev.sandbox.my.salesforce.com"),
        ("login.salesforce.com", "production"), ("https://test.salesforce.com/", "sandbox"),
        ("beta.cloudforce.com", "beta.my.salesforce.com"),
        (
            "https://beta--qa.sandbox.my.salesforce-setup.com/lightning/setup/Users/home?x#y",
            "beta--qa.sandbox.my.salesforce.com"
        ),
        ("beta.lightning.crmforce.mil", "beta.my.salesforce.mil"),
        ("https://beta.lightning.sfcrmapps.cn/one/one.app", "beta.my.sfcrmproducts.cn"),
        ("beta.setup.sfcrmproducts.cn", "beta.my.sfcrmproducts.cn"),
        ("https://cs7.salesforce.com/home", "sandbox"), ("cs200.lightning.force.com", "sandbox"),
        ("na139.salesforce.com", "production"), ("usa2s.salesforce.com", "production"),
        ("https://beta.my.salesforce.com:443/", "beta.my.salesforce.com"),
        ("https://beta--qa--c.sandbox.vf.force.com/apex/p", "beta--qa.sandbox.my.salesforce.com"),
        ("beta.my.salesforce.com.", "beta.my.salesforce.com"),
    ])
    func `an environment is read from hosts and addresses in any case`(text: String, expected: String) {
        #expect(OrgEnvironment(text)?.description == expected)
    }

    @Test(arguments: [
        "", "staging", "evil.example", "http://acme.my.salesforce.com", "acme.my.salesforce.com.evil.example",
        ".my.salesforce.com", "a@acme.my.salesforce.com", "acme.my.salesforce.com:444", "acme.force.com",
        "xmy.salesforce.com", "cloudforce.com", ".cloudforce.com", "evilcloudforce.com", "www.salesforce.com",
        "help.salesforce.com", "cs.salesforce.com", "acme.salesforce-setup.com.evil.example",
        "--c.vf.force.com",
        "acme.my.site.com", "https://evil.example#.my.salesforce.com",
        "https://evil.example\\.my.salesforce.com",
    ])
    func `an invalid environment is refused`(text: String) {
        #expect(OrgEnvironment(text) == nil)
    }

    @Test func `the origin of a login identifies the org's environment`() throws {
        let rule = try rule()
        func environment(_ host: String) throws -> OrgEnvironment? {
            rule.environment(loggedInAt: try Origin(host: host))
        }
        #expect(try environment("login.salesforce.com") == .production)
        #expect(try environment("test.salesforce.com") == .sandbox)
        #expect(try environment("acme.my.salesforce.com") == .myDomain("acme.my.salesforce.com"))
        let local = try self.rule("http://127.0.0.1:8080")
        #expect(local.environment(loggedInAt: local.login) == nil)
    }
}
