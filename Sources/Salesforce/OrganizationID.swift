/// The id of a Salesforce org, normalised to 18 characters, checksum verified, prefix `00D`.
package struct OrganizationID: Hashable, Sendable, CustomStringConvertible {
    /// The 18 characters.
    package let text: String

    /// Reads 15 or 18 characters. Throws `.malformedID` for anything that is not the id of an organization.
    package init(_ text: String) throws(SalesforceError) {
        let id = try RecordID(text)
        guard id.prefix == Self.keyPrefix else {
            throw SalesforceError(.malformedID, message: "the id of an organization begins with 00D")
        }
        self.text = id.text
    }

    /// The Postgres schema of this tenant: `salesforce` and the 18 characters in lower case.
    ///
    /// Lowering the 15-character form would collide: two orgs may differ only in case. The checksum keeps
    /// them apart.
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
