import Testing

@testable import Salesforce

struct RecordIDTests {
    /// Ids that Salesforce's own documents and recorded answers show in both forms.
    @Test(arguments: [
        "00D090000083B1pEAE", "00509000007hMVJAA2", "00DJ0000003KhyyMAC", "005J0000001gwIyIAI",
        "001D000000IqhSLIAZ", "003RO0000035WQgYAM", "750R0000000zw4yIAA", "005R0000000UyrWIAS",
    ])
    func `the long form follows from the short one`(id: String) throws {
        #expect(try RecordID(String(id.prefix(15))).text == id)
        #expect(try RecordID(id).text == id)
        #expect(try RecordID(id).shortText == id.prefix(15))
    }

    @Test func `an empty id is all zeros and three A`() throws {
        #expect(try RecordID("000000000000000").text == "000000000000000AAA")
    }

    @Test func `a checksum in lower case is read`() throws {
        #expect(try RecordID("00D090000083B1peae").text == "00D090000083B1pEAE")
    }

    @Test(arguments: [
        "", "00D", "00D090000083B1", "00D090000083B1pEA", "00D090000083B1pEAEA", "00D090000083B1pEAF",
        "00D090000083b1pEAE", "00D09000008-B1p", "00D09000008\u{e9}B1p", "00D 90000083B1p",
    ])
    func `anything else is refused`(text: String) {
        #expect(throws: SalesforceError.self) { try RecordID(text) }
    }

    @Test func `only ids that begin with 00D name an organization`() throws {
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
