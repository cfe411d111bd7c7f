import Foundation
import Salesforce
import Testing

@testable import Organizations

struct RegistrationRequestTests {
    private func parse(_ text: String) throws -> RegistrationRequest {
        try RegistrationRequest(parsing: Array(text.utf8))
    }

    private func problems(_ text: String) -> [String] {
        do {
            _ = try parse(text)
            return []
        } catch let invalid as RegistrationRequest.Invalid {
            return invalid.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `a body is parsed and its org id gets 18 characters`() throws {
        let request = try parse(
            #"{"org_id":"00D090000083B1p","org_name":" Acme\n Corp ","admin_email":"Ann@Example.COM","future":[1]}"#
        )
        #expect(request.organization.text == "00D090000083B1pEAE")
        #expect(request.name.text == "Acme Corp")
        #expect(request.adminEmail.text == "Ann@example.com")
        #expect(request.environment == nil)
    }

    @Test(arguments: [
        ("production", OrgEnvironment.production), ("sandbox", .sandbox),
        ("acme.my.salesforce.com", .myDomain("acme.my.salesforce.com")),
    ])
    func `a body may contain an environment`(text: String, environment: OrgEnvironment) throws {
        let request = try parse(
            #"{"org_id":"00D090000083B1pEAE","org_name":"A","admin_email":"a@b.co","environment":"\#(text)"}"#
        )
        #expect(request.environment == environment)
    }

    @Test func `all problems of a body are reported`() {
        #expect(
            problems(#"{"org_id":"00D090000083B1pEAF","org_name":7,"environment":"mars"}"#).map {
                $0.prefix(while: { $0 != ":" })
            } == ["org_id", "org_name", "admin_email", "environment"])
        #expect(problems("{}").count == 3)
        #expect(problems(#"{"org_id":null,"org_name":"","admin_email":"a@b"}"#).count == 3)
    }

    @Test(arguments: ["", "[]", "\"x\"", "{", "null", "org_id=1"])
    func `a body that is not a JSON object is one problem`(text: String) {
        #expect(problems(text).count == 1)
    }

    @Test(arguments: [
        (#"{"org_id":"00D090000083B1p","org_name":"The "Best" Org"}"#, 46),
        (#"{"org_id":"00D090000083B1p","org_name":"North\West"}"#, 47),
        ("{\"org_name\":\"two\nlines\"}", 17),
    ])
    func `the problem of invalid JSON names the byte and the remedy`(
        text: String, byte: Int
    ) {
        let found = problems(text)
        #expect(found.count == 1)
        #expect(found.first?.contains("at byte \(byte)") == true, "\(found)")
        #expect(found.first?.contains(#"a quote as \" and a backslash as \\"#) == true, "\(found)")
    }

    @Test func `the suffix .invalid of sandbox addresses is dropped`() throws {
        let request = try parse(
            #"{"org_id":"00D090000083B1p","org_name":"A","admin_email":"bob@acme.example.invalid","environment":"sandbox"}"#
        )
        #expect(request.adminEmail.text == "bob@acme.example" && !request.adminEmail.isMasked)
        let masked = try parse(
            #"{"org_id":"00D090000083B1p","org_name":"A","admin_email":"bob=acme.example@example.com"}"#)
        #expect(masked.adminEmail.isMasked)
        #expect(
            problems(#"{"org_id":"00D090000083B1p","org_name":"A","admin_email":"bob@acme.invalid"}"#).count
                == 1)
    }
}
