import Cryptography
import Foundation
import Testing

@testable import OrgSimulator

/// The simulated package sends the bytes of the real one.
struct PackageRegistrationTests {
    /// The package's static resource, which its Apex test and `package_check.py` read too.
    private struct Fixture: Decodable {
        struct Request: Decodable {
            let method: String
            let url: String
            let headers: [[String]]
            let body: String
        }

        let organizationId: String
        let organizationName: String
        let adminEmail: String
        let myDomain: String
        let applicationUrl: String
        let secret: String
        let seconds: Int
        let request: Request

        static func read() throws -> Fixture {
            let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appending(
                    path: "salesforce/force-app/main/default/staticresources/RegistrationFixture.json")
            return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
        }

        var registration: PackageRegistration {
            PackageRegistration(
                organizationID: organizationId, organizationName: organizationName, adminEmail: adminEmail,
                myDomain: myDomain)
        }
    }

    @Test func `the registration is the package's, byte for byte`() throws {
        let fixture = try Fixture.read()
        #expect(String(decoding: fixture.registration.body, as: UTF8.self) == fixture.request.body)
        #expect(fixture.applicationUrl + PackageRegistration.path == fixture.request.url)
        let headers = fixture.registration.headers(
            secret: Secret(text: fixture.secret), seconds: fixture.seconds)
        #expect(headers.map { [$0.name, $0.value] } == fixture.request.headers)
    }

    @Test func `without a secret the registration is not signed`() throws {
        let fixture = try Fixture.read()
        let headers = fixture.registration.headers(secret: nil, seconds: fixture.seconds)
        #expect(headers.map { [$0.name, $0.value] } == Array(fixture.request.headers.prefix(2)))
    }
}
