/// The owner and purpose of sealed bytes. It is authenticated with them, so a sealed token does not open if
/// it is copied to another organization's row or to another column.
package struct SealContext: Sendable, Hashable {
    package let organizationID: String
    package let purpose: String

    /// `organizationID` is the 18-character Salesforce id (or the fixed name of another owner). `purpose` is
    /// the kind of value, for example "refresh token".
    package init(organizationID: String, purpose: String) {
        self.organizationID = organizationID
        self.purpose = purpose
    }

    /// Each part after its length, so that no two contexts have the same bytes.
    var bytes: [UInt8] {
        [organizationID, purpose].flatMap { part in
            let utf8 = Array(part.utf8)
            return withLength(utf8)
        }
    }

    private func withLength(_ bytes: [UInt8]) -> [UInt8] {
        let count = UInt32(bytes.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * UInt32($0))) } + bytes
    }
}
