internal import Encoding

/// A query job of Bulk API 2.0, as Salesforce last told.
package struct BulkJob: Sendable, Equatable {
    /// How far it is; the first two pass by themselves.
    package enum State: String, Sendable {
        case uploadComplete = "UploadComplete"
        case inProgress = "InProgress"
        case jobComplete = "JobComplete"
        case failed = "Failed"
        case aborted = "Aborted"

        package var isFinal: Bool { self == .jobComplete || self == .failed || self == .aborted }
    }

    package let id: RecordID
    package let object: String
    package let state: State
    /// Nil until Salesforce tells it.
    package let recordsProcessed: Int?
    package let errorMessage: String?
    /// Results must be read with the version that the job was made with, else 409.
    package let version: APIVersion?

    /// Reads the answer of `/jobs/query`. Throws `.malformedResponse`.
    package init(parsing body: [UInt8]) throws(SalesforceError) {
        let answer = try JSONValue(answer: body)
        guard let id = answer["id"]?.string,
            let state = answer["state"]?.string.flatMap(State.init(rawValue:))
        else {
            throw SalesforceError(.malformedResponse, message: "not a Bulk job")
        }
        self.id = try RecordID(id)
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
