extension RESTClient {
    /// The object with its fields. Throws `.notFound` for an object that the user cannot see.
    package func describe(_ object: String) async throws -> ObjectDescribe {
        guard SOQL.isName(object) else {
            throw SalesforceError(.notFound, message: "not an API name: \(object)")
        }
        var call = APICall(path: path("sobjects/\(object)/describe"))
        call.maximumBytes = SalesforceLimits.describeBodyBytes
        return try ObjectDescribe(parsing: try await perform(call).body)
    }
}
