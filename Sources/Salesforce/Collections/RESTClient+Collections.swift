internal import Encoding

extension RESTClient {
    /// Sends one request of sObject Collections. The results are in the order of the records.
    ///
    /// The request is sent again only if it was certainly not carried out, and only shortly after the first
    /// attempt. If `isDoubtful` of a thrown error is true, or the caller was cancelled, the org may have
    /// carried it out.
    ///
    /// - Parameter write: at most `SalesforceLimits.collectionRows` records. Throws `.tooLarge` if their
    ///   body is larger than `SalesforceLimits.collectionBodyBytes`: fewer records may fit.
    /// - Parameter latestStart: a request that is not begun until then is not sent: `.timedOut`.
    package func write(
        _ write: RecordWrite, deadline: Duration, latestStart: ContinuousClock.Instant? = nil
    ) async throws -> [RecordResult] {
        guard write.count > 0 else { return [] }
        var call = try write.call(path("composite/sobjects"), deadline: deadline)
        call.latestStart = latestStart
        return try RecordResult.results(parsing: try await perform(call).body, count: write.count)
    }
}

extension RecordWrite {
    var count: Int { action == .delete ? ids.count : records.count }

    /// The request for this write, with names and sizes checked. Source: REST API Developer Guide, "Create
    /// Multiple Records", "Update", "Upsert" and "Delete Multiple Records".
    func call(
        _ path: String, deadline: Duration, maximumBytes: Int = SalesforceLimits.collectionBodyBytes
    ) throws(SalesforceError) -> APICall {
        guard SOQL.isName(object) else { throw unsent(.invalidType, "not an API name: \(object)") }
        guard count <= SalesforceLimits.collectionRows else {
            throw unsent(
                .tooLarge, "\(count) records, and one request takes \(SalesforceLimits.collectionRows)")
        }
        var call = APICall(path: path)
        switch action {
        case .insert: call.method = "POST"
        case .update: call.method = "PATCH"
        case .upsert(let field):
            guard SOQL.isName(field) else { throw unsent(.invalidField, "not an API name: \(field)") }
            call.method = "PATCH"
            call.path += "/\(object)/\(field)"
        case .delete:
            call.method = "DELETE"
            call.query = [("ids", try checkedIDs().joined(separator: ",")), ("allOrNone", "false")]
        }
        if action != .delete {
            call.body = body
            guard call.body.count <= maximumBytes else {
                throw unsent(.tooLarge, "a body of \(call.body.count) bytes")
            }
            call.headers.append(("Content-Type", "application/json"))
        }
        call.headers.append(("Accept", "application/json"))
        call.headers += options.headers
        call.clientTag = options.tag
        call.maximumBytes = SalesforceLimits.collectionAnswerBytes
        call.deadline = deadline
        // An org with triggers is silent until it has run them all.
        call.idleTimeout = deadline
        call.repetition = .harmful
        return call
    }

    private func checkedIDs() throws(SalesforceError) -> [String] {
        var checked: [String] = []
        for id in ids {
            do throws(SalesforceError) {
                checked.append(try SalesforceID(id).text)
            } catch {
                throw unsent(error.code, error.message)
            }
        }
        return checked
    }

    private func unsent(_ code: SalesforceError.Code, _ message: String) -> SalesforceError {
        var error = SalesforceError(code, message: message, call: "write \(object)")
        error.isUnsent = true
        return error
    }

    /// `{"allOrNone":false,"records":[{"attributes":{"type":"Account"},"Name":"x"}]}`.
    private var body: [UInt8] {
        var bytes = Array(#"{"allOrNone":false,"records":["#.utf8)
        let head = Array(#"{"attributes":{"type":"\#(object)"}"#.utf8)
        for (index, record) in records.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += head
            let start = bytes.count
            record.append(to: &bytes)
            // The record's own brace becomes the comma after the attributes.
            if bytes.count - start > 2 {
                bytes[start] = UInt8(ascii: ",")
            } else {
                bytes.remove(at: start)
            }
        }
        bytes += Array("]}".utf8)
        return bytes
    }
}

extension WriteOptions {
    /// REST API Developer Guide, "Assignment Rule Header" and "Duplicate Rule Header". Salesforce's default
    /// for REST is to run assignment rules; Heroku Connect does not run them.
    var headers: [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        if !usesAssignmentRules { headers.append(("Sforce-Auto-Assign", "FALSE")) }
        if savesDuplicates { headers.append(("Sforce-Duplicate-Rule-Header", "allowSave=true")) }
        return headers
    }
}

extension RecordResult {
    /// Parses an answer for `count` records. Throws `.malformedResponse`, also for another number of results.
    static func results(parsing body: [UInt8], count: Int) throws(SalesforceError) -> [RecordResult] {
        guard let list = try JSONValue(answer: body).array else {
            throw SalesforceError(.malformedResponse, message: "not a list of results")
        }
        guard list.count == count else {
            throw SalesforceError(
                .malformedResponse, message: "\(list.count) results for \(count) records")
        }
        var results: [RecordResult] = []
        results.reserveCapacity(count)
        for entry in list { results.append(try RecordResult(entry)) }
        return results
    }

    private init(_ entry: JSONValue) throws(SalesforceError) {
        guard let isSuccess = entry["success"]?.bool else {
            throw SalesforceError(.malformedResponse, message: "a result without success")
        }
        guard isSuccess else {
            let errors = (entry["errors"]?.array ?? []).map(RecordError.init)
            self.init(
                id: nil,
                errors: errors.isEmpty ? [RecordError(code: RecordError.unknown, message: "")] : errors)
            return
        }
        guard let id = entry["id"]?.string else {
            throw SalesforceError(.malformedResponse, message: "a written record without id")
        }
        self.init(id: try Self.id(id), isCreated: entry["created"]?.bool)
    }
}

extension RecordResult {
    /// The 18 characters of an answer's id. Throws `.malformedResponse`: after a write `.malformedID` would
    /// say that the request was refused.
    static func id(_ text: String) throws(SalesforceError) -> String {
        do throws(SalesforceError) {
            return try SalesforceID(text).text
        } catch {
            throw SalesforceError(.malformedResponse, message: "a result with a malformed id")
        }
    }
}

extension RecordError {
    /// Salesforce's code for errors without a code of their own.
    static let unknown = "UNKNOWN_EXCEPTION"

    fileprivate init(_ entry: JSONValue) {
        self.init(
            code: entry["statusCode"]?.string ?? entry["errorCode"]?.string ?? Self.unknown,
            message: entry["message"]?.string ?? "",
            fields: (entry["fields"]?.array ?? []).compactMap(\.string))
    }
}
