internal import Encoding

/// A query job of Bulk API 2.0, as last reported by Salesforce.
package struct BulkJob: Sendable, Equatable {
    /// The first two states change by themselves.
    package enum State: String, Sendable {
        case uploadComplete = "UploadComplete"
        case inProgress = "InProgress"
        case jobComplete = "JobComplete"
        case failed = "Failed"
        case aborted = "Aborted"

        package var isFinal: Bool { self == .jobComplete || self == .failed || self == .aborted }
    }

    package let id: SalesforceID
    package let object: String
    package let state: State
    /// Nil until Salesforce reports it.
    package let recordsProcessed: Int?
    package let errorMessage: String?
    /// The version that created the job. Results must be read with the same version, else Salesforce answers
    /// 409.
    package let version: APIVersion?

    /// Parses an answer of `/jobs/query`. Throws `.malformedResponse`.
    package init(parsing body: [UInt8]) throws(SalesforceError) {
        let answer = try JSONValue(answer: body)
        guard let id = answer["id"]?.string,
            let state = answer["state"]?.string.flatMap(State.init(rawValue:))
        else {
            throw SalesforceError(.malformedResponse, message: "not a Bulk job")
        }
        self.id = try SalesforceID(id)
        self.state = state
        object = answer["object"]?.string ?? ""
        recordsProcessed = answer["numberRecordsProcessed"]?.int
        errorMessage = answer["errorMessage"]?.string
        if case .number(let number)? = answer["apiVersion"] {
            version = APIVersion(number)
        } else {
            version = nil
        }
    }

    /// Throws `.jobFailed` for a job that ended without results.
    package func checkSucceeded() throws(SalesforceError) {
        guard state == .failed || state == .aborted else { return }
        throw SalesforceError(
            .jobFailed, errorCode: state.rawValue, message: errorMessage ?? "", call: "Bulk job \(id)")
    }
}
