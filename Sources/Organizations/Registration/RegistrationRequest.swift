internal import Encoding
package import Salesforce

/// The body of a registration, parsed and checked.
package struct RegistrationRequest: Equatable, Sendable {
    package var organization: OrganizationID
    package var name: OrganizationName
    package var adminEmail: EmailAddress
    /// Nil if the body has none; a new org is a production org then.
    package var environment: OrgEnvironment?

    package init(
        organization: OrganizationID, name: OrganizationName, adminEmail: EmailAddress,
        environment: OrgEnvironment?
    ) {
        self.organization = organization
        self.name = name
        self.adminEmail = adminEmail
        self.environment = environment
    }

    /// One problem of a body.
    package struct Problem: Equatable, Sendable, CustomStringConvertible {
        /// The member with the problem; nil for the body as a whole.
        package let field: String?
        package let message: String

        package var description: String { field.map { "\($0): \(message)" } ?? message }
    }

    /// All problems of a body.
    package struct Invalid: Error, Equatable, Sendable {
        package let problems: [Problem]

        init(problems: [Problem]) {
            self.problems = problems
        }

        /// A problem of the body as a whole.
        package init(_ message: String) {
            problems = [Problem(field: nil, message: message)]
        }
    }

    /// Parses a JSON body. Ignores unknown members: later versions of the package may send more.
    package init(parsing body: [UInt8]) throws(Invalid) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: body)
        } catch {
            throw Invalid(problems: [
                Problem(
                    field: nil,
                    message: "the body is not JSON: \(error.reason) at byte \(error.byte), counted from 1. "
                        + "Inside a value write a quote as \\\" and a backslash as \\\\, "
                        + "as JSON.serialize does"
                )
            ])
        }
        guard let members = document.object else {
            throw Invalid(problems: [Problem(field: nil, message: "the body is not a JSON object")])
        }
        var reader = MemberReader(members: members)
        let organization = reader.required("org_id") { try? OrganizationID($0) }
        let name = reader.required("org_name", OrganizationName.init)
        let email = reader.required("admin_email", EmailAddress.init(registered:))
        let environment = reader.optional("environment", OrgEnvironment.init)
        guard reader.problems.isEmpty, let organization, let name, let email else {
            throw Invalid(problems: reader.problems)
        }
        self.init(organization: organization, name: name, adminEmail: email, environment: environment)
    }
}

/// Reads members of an object and collects their problems.
private struct MemberReader {
    let members: [String: JSONValue]
    var problems: [RegistrationRequest.Problem] = []

    private static let expectations = [
        "org_id": "must be an org id of 15 or 18 characters that begins with 00D, with the right checksum",
        "org_name": "must be text of 1 to \(OrganizationsLimits.nameCharacters) characters",
        "admin_email": "must be an e-mail address",
        "environment": "must be production, sandbox, or a My Domain host such as acme.my.salesforce.com",
    ]

    mutating func required<Value>(_ field: String, _ read: (String) -> Value?) -> Value? {
        guard let value = members[field], !value.isNull else {
            problems.append(RegistrationRequest.Problem(field: field, message: "is missing"))
            return nil
        }
        return checked(field, value, read)
    }

    mutating func optional<Value>(_ field: String, _ read: (String) -> Value?) -> Value? {
        guard let value = members[field], !value.isNull, value.string != "" else { return nil }
        return checked(field, value, read)
    }

    private mutating func checked<Value>(_ field: String, _ value: JSONValue, _ read: (String) -> Value?)
        -> Value?
    {
        if let text = value.string, let result = read(text) { return result }
        let message = Self.expectations[field] ?? "is not valid"
        problems.append(RegistrationRequest.Problem(field: field, message: message))
        return nil
    }
}
