internal import Salesforce

/// Decides whether a query or a Bulk job reads an object's rows.
struct ImportMethodRule: Sendable, Equatable {
    /// Approximate number of records.
    var records: Int
    /// The number of records from which a Bulk job costs fewer calls than a query.
    var bulkThreshold: Int
    /// True if the query fits into an address. A query is sent in the address, a Bulk job's query in the
    /// body.
    var fitsAddress: Bool

    /// Why Salesforce refuses one of the methods.
    enum Refusal: Sendable, Equatable {
        /// The Bulk API does not support the object.
        case objectUnsupported
        /// A Bulk job was refused or failed for another reason.
        case bulkFailed
        /// The query or a page of its answer exceeds a limit on size or time.
        case tooLarge

        /// Nil for an error that the other method would also get.
        init?(_ error: SalesforceError, of method: ImportRecord.Method) {
            switch (method, error.code) {
            case (.bulk, .notSupportedByBulk): self = .objectUnsupported
            case (.bulk, .rejected), (.bulk, .jobFailed): self = .bulkFailed
            case (.rest, .tooLarge), (.rest, .queryTimeout): self = .tooLarge
            default: return nil
            }
        }
    }

    /// The first method.
    var method: ImportRecord.Method { records < bulkThreshold && fitsAddress ? .rest : .bulk }

    /// The method to use after a refusal. Nil if there is none.
    func alternative(after refusal: Refusal) -> ImportRecord.Method? {
        switch refusal {
        case .objectUnsupported: fitsAddress ? .rest : nil
        // A query loads all rows in one transaction. If it fails, all rows are rolled back.
        case .bulkFailed: fitsAddress && records <= ReplicationLimits.restFallbackRows ? .rest : nil
        case .tooLarge: .bulk
        }
    }
}
