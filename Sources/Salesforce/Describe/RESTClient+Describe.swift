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

    /// The object, if its metadata changed after `since`: a `modified` of an earlier answer. (REST API
    /// Developer Guide, "Get Object Metadata Changes".)
    package func describe(_ object: String, since: String?) async throws -> Changed<ObjectDescribe> {
        guard SOQL.isName(object) else {
            throw SalesforceError(.notFound, message: "not an API name: \(object)")
        }
        return try await changed("sobjects/\(object)/describe", since: since) {
            body throws(SalesforceError) in
            try ObjectDescribe(parsing: body)
        }
    }

    /// The org's objects, if any object's metadata changed after `since`: a `modified` of an earlier answer.
    package func objects(since: String?) async throws -> Changed<GlobalDescribe> {
        try await changed("sobjects", since: since) { body throws(SalesforceError) in
            try GlobalDescribe(parsing: body)
        }
    }

    private func changed<Value: Sendable>(
        _ resource: String, since: String?, _ parse: ([UInt8]) throws(SalesforceError) -> Value
    ) async throws -> Changed<Value> {
        var call = APICall(path: path(resource))
        call.maximumBytes = SalesforceLimits.describeBodyBytes
        call.modifiedSince = since
        let answer = try await perform(call)
        guard answer.status != 304 else { return .no }
        return .yes(try parse(answer.body), modified: answer.modified)
    }
}
