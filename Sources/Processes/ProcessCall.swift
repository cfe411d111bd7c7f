package import Encoding
internal import FoundationEssentials
package import Salesforce

/// The body of `POST /processes/NAME`.
package struct ProcessCall: Sendable, Equatable {
    /// Why a call is not accepted.
    package enum Refusal: String, Error, Sendable {
        case name = "the process must have letters a-z, digits and _ only"
        case body =
            "the body must be a JSON object with org_id, object, record_id, field, and perhaps input and key"
        case key = "key must have 1 to 100 characters"
        case unknownProcess = "there is no such process"
        case unknownOrganization = "there is no such organization with a consent"
    }

    /// Larger inputs do not fit into a callout of Apex (12 MB) as base64.
    package static let bodyBytes = 12 << 20

    package var name: String
    package var organization: OrganizationID
    package var object: String
    /// The record's id, 18 characters.
    package var record: String
    package var field: String
    /// The caller's key: a repeated call is the same run.
    package var key: String?
    package var input: JSONValue

    package init(_ name: String, parsing body: [UInt8]) throws(Refusal) {
        guard name.wholeMatch(of: /[a-z][a-z0-9_]{0,62}/) != nil else { throw .name }
        guard let value = try? JSONValue(parsing: body),
            let organization = value["org_id"]?.string.flatMap({ try? OrganizationID($0) }),
            let object = value["object"]?.string, SOQL.isName(object),
            let record = value["record_id"]?.string.flatMap({ try? SalesforceID($0) }),
            let field = value["field"]?.string, SOQL.isName(field)
        else { throw .body }
        let input = value["input"] ?? .object([:])
        guard input.object != nil else { throw .body }
        if let key = value["key"], !key.isNull {
            guard let text = key.string, (1...100).contains(text.count) else { throw .key }
            self.key = text
        }
        self.name = name
        self.organization = organization
        self.object = object
        self.record = record.text
        self.field = field
        self.input = input
    }
}
