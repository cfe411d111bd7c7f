import Testing

@testable import Salesforce

struct SalesforceIDTests {
    /// Ids that Salesforce's documents and recorded answers show in both forms.
    @Test(arguments: [
        "00D090000083B1pEAE", "00509000007hMVJAA2", "00DJ0000003KhyyMAC", "005J0000001gwIyIAI",
        "001D000000IqhSLIAZ", "003RO0000035WQgYAM", "750R0000000zw4yIAA", "005R0000000UyrWIAS",
    ])
    func `the checksum is computed from the 15 characters`(id: String) throws {
        #expect(try SalesforceID(String(id.prefix(15))).text == id)
        #expect(try SalesforceID(id).text == id)
    }

    @Test func `the checksum of an id without capitals is AAA`() throws {
        #expect(try SalesforceID("000000000000000").text == "000000000000000AAA")
    }

    @Test func `a checksum in lower case is accepted`() throws {
        #expect(try SalesforceID("00D090000083B1peae").text == "00D090000083B1pEAE")
        #expect(SalesforceID.isCanonical("00D090000083B1pEAE"))
        #expect(!SalesforceID.isCanonical("00D090000083B1peae"))
        #expect(!SalesforceID.isCanonical("00D090000083B1p"))
    }

    @Test(arguments: [
        "", "00D", "00D090000083B1", "00D090000083B1pEA", "00D090000083B1pEAEA", "00D090000083B1pEAF",
        "00D090000083b1pEAE", "00D09000008-B1p", "00D09000008\u{e9}B1p", "00D 90000083B1p",
    ])
    func `anything else is refused`(text: String) {
        #expect(throws: SalesforceError.self) { try SalesforceID(text) }
    }

    @Test func `only ids that begin with 00D are org ids`() throws {
        #expect(try OrganizationID("00D090000083B1p").text == "00D090000083B1pEAE")
        #expect(throws: SalesforceError.self) { try OrganizationID("001D000000IqhSLIAZ") }
        #expect(throws: SalesforceError.self) { try OrganizationID("00d090000083B1p") }
    }

    @Test func `orgs that differ only in case have different schemas`() throws {
        let one = try OrganizationID("00D090000083B1p")
        let other = try OrganizationID("00D090000083b1P")
        #expect(one != other)
        #expect(one.schemaName == "salesforce00d090000083b1peae")
        #expect(one.schemaName != other.schemaName)
    }
}
