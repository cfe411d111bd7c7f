internal import Salesforce

/// Decides whether an object's rows are read by a query or by a Bulk job.
struct ImportMethodRule: Sendable, Equatable {
    /// Records of the object, about.
    var records: Int
    /// From so many records on a Bulk job costs fewer calls than a query.
    var bulkThreshold: Int
    /// Whether the query fits into an address. A query is sent as one; a Bulk job's query is sent as a body.
    var fitsAddress: Bool

    /// Why Salesforce does not give the rows by one of the methods.
    enum Refusal: Sendable, Equatable {
        /// The Bulk API does not know the object.
        case objectUnsupported
        /// A Bulk job was refused or failed for another reason.
        case bulkFailed
        /// The query or a page of its answer is larger than a call may be, or takes longer.
        case tooLarge

        /// Nil for an error that the other method meets too.
        init?(_ error: SalesforceError, of method: ImportRecord.Method) {
            switch (method, error.code) {
            case (.bulk, .notSupportedByBulk): self = .objectUnsupported
            case (.bulk, .rejected), (.bulk, .jobFailed): self = .bulkFailed
            case (.rest, .tooLarge), (.rest, .queryTimeout): self = .tooLarge
            default: return nil
            }
        }
    }

    /// The method to begin with.
    var method: ImportRecord.Method { records < bulkThreshold && fitsAddress ? .rest : .bulk }

    /// The method that is left after a refusal; nil if there is none.
    func alternative(after refusal: Refusal) -> ImportRecord.Method? {
        switch refusal {
        case .objectUnsupported: fitsAddress ? .rest : nil
        // By a query all rows are one transaction, and nothing of it is kept when it breaks.
        case .bulkFailed: fitsAddress && records <= ReplicationLimits.restFallbackRows ? .rest : nil
        case .tooLarge: .bulk
        }
    }
}
