package import Encoding

/// The result of one published event.
package struct PublishResult: Sendable, Equatable {
    /// The event's UUID, which subscribers get too.
    package var uuid: String?
    /// Nil if the event is published.
    package var error: RecordError?

    package init(uuid: String? = nil, error: RecordError? = nil) {
        self.uuid = uuid
        self.error = error
    }
}

extension RESTClient {
    /// Publishes up to `SalesforceLimits.collectionRows` events of one kind in one request. The results are
    /// in the order of the events.
    ///
    /// The request is sent again only if it was certainly not carried out. If `isDoubtful` of a thrown error
    /// is true, the org may have published the events: there is no key to find out.
    ///
    /// Source: Platform Events Developer Guide, "Publish Event Messages with Salesforce APIs".
    package func publish(
        _ event: String, _ payloads: [JSONText], deadline: Duration
    ) async throws -> [PublishResult] {
        guard !payloads.isEmpty else { return [] }
        let write = RecordWrite(object: event, action: .insert, records: payloads)
        let call = try write.call(path("composite/sobjects"), deadline: deadline)
        return try PublishResult.results(parsing: try await perform(call).body, count: payloads.count)
    }
}

extension PublishResult {
    /// The status code of the errors of a successful result, whose message is the UUID.
    private static let enqueued = "OPERATION_ENQUEUED"

    static func results(parsing body: [UInt8], count: Int) throws(SalesforceError) -> [PublishResult] {
        guard let list = try JSONValue(answer: body).array, list.count == count else {
            throw SalesforceError(.malformedResponse, message: "not a list of \(count) results")
        }
        var results: [PublishResult] = []
        for entry in list {
            guard let isSuccess = entry["success"]?.bool else {
                throw SalesforceError(.malformedResponse, message: "a result without success")
            }
            let first = entry["errors"]?.array?.first
            if isSuccess {
                let uuid = first?["statusCode"]?.string == enqueued ? first?["message"]?.string : nil
                results.append(PublishResult(uuid: uuid))
            } else {
                results.append(
                    PublishResult(
                        error: RecordError(
                            code: first?["statusCode"]?.string ?? RecordError.unknown,
                            message: first?["message"]?.string ?? "")))
            }
        }
        return results
    }
}
