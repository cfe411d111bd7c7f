import Testing

@testable import OrgSimulator

struct OrgRecordIDTests {
    /// Ids of the documentation and of recordings.
    @Test(arguments: [
        "00D090000083B1pEAE", "00DJ0000003KhyyMAC", "005J0000001gwIyIAI", "003RO0000035WQgYAM",
        "750R0000000zw4yIAA", "005R0000000UyrWIAS", "001D000000IqhSLIAZ", "000000000000000AAA",
    ])
    func `the last three characters encode the case of the others`(text: String) throws {
        #expect(try #require(OrgRecordID(text)).text18 == text)
        #expect(try #require(OrgRecordID(String(text.prefix(15)))).text18 == text)
    }

    @Test(arguments: [
        "", "001", "00D090000083B1pEAA", "00D090000083B1!EAE", "00D090000083B1pEA", "00D09000008é1p",
    ])
    func `a malformed id is refused`(text: String) {
        #expect(OrgRecordID(text) == nil)
    }

    @Test(arguments: [1, 61, 62, 3843, 3844, 1_000_000, 4_000_000_000])
    func `an id of a space gives its number`(number: Int) {
        let space = IDSpace(keyPrefix: "001", org: 7)
        #expect(space.number(of: space.id(number)) == number)
        #expect(IDSpace(keyPrefix: "001", org: 8).number(of: space.id(number)) == nil)
        #expect(OrgRecordID(space.id(number).text18) == space.id(number))
    }

    @Test func `ids sort like their numbers`() {
        let space = IDSpace(keyPrefix: "003", org: 1)
        #expect((1..<5000).allSatisfy { space.id($0) < space.id($0 + 1) })
    }

    @Test func `the first two orgs differ only in case, and their long ids differ in lower case`() {
        let orgs = TestWorld().world.orgs
        let (first, second) = (orgs[0].id, orgs[1].id)
        #expect(first != second)
        #expect(first.text15.lowercased() == second.text15.lowercased())
        #expect(first.text18.lowercased() != second.text18.lowercased())
    }
}
