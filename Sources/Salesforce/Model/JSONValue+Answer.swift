package import Encoding

extension JSONValue {
    /// Reads an answer of Salesforce. Throws `.malformedResponse`.
    package init(answer bytes: [UInt8]) throws(SalesforceError) {
        do {
            try self.init(parsing: bytes)
        } catch {
            throw SalesforceError(
                .malformedResponse, message: "JSON: \(error.reason) at byte \(error.byte)")
        }
    }
}
