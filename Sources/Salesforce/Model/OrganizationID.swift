/// The id of a Salesforce org: 18 characters, checksum verified, prefix `00D`.
package struct OrganizationID: Hashable, Sendable, CustomStringConvertible {
    /// The 18 characters.
    package let text: String

    /// Reads 15 or 18 characters. Throws `.malformedID` for anything but an org id.
    package init(_ text: String) throws(SalesforceError) {
        let id = try SalesforceID(text)
        guard id.prefix == Self.keyPrefix else {
            throw SalesforceError(
                .malformedID, message: "\(id.text) is not an org id: org ids begin with 00D")
        }
        self.text = id.text
    }

    /// The tenant's Postgres schema: `salesforce` and the 18 characters in lower case.
    ///
    /// Two orgs may differ only in case, so that the 15 characters would collide in lower case. The checksum
    /// keeps them apart.
    package var schemaName: String { "salesforce" + text.lowercased() }

    package var description: String { text }

    static let keyPrefix = "00D"
}

extension OrganizationID: Codable {
    package init(from decoder: any Decoder) throws {
        self = try OrganizationID(decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
