/// What went wrong while a tenant's tables are described, made or filled.
package struct ReplicationError: Error, Sendable, Equatable {
    /// What a caller can act upon.
    package enum Code: String, Sendable, Hashable {
        /// The mapping file is not what Heroku Connect's export format says. `message` names the place.
        case invalidMappingFile
        /// The tenant's database refuses something that replication needs: a privilege, `hstore`, its encoding.
        case databaseUnsuitable
        /// The organization, connection or mapping of a job is gone.
        case notFound
        /// Bulk results whose first line does not name the columns that were selected.
        case unexpectedColumns
        /// A page that ended early, or held another number of rows than its headers say.
        case incompletePage
        /// All pages are loaded, but the number of rows is not the one that Salesforce processed.
        case rowCountMismatch
        /// Salesforce ended the Bulk job as Failed or Aborted, or has forgotten it.
        case bulkJobLost
        /// A value of an answer that is not what it must be.
        case malformedResponse
        /// Salesforce named a page of Bulk results as the next one that it had named before.
        case repeatedLocator
        /// More rows fit no column than the operator allows.
        case tooManyQuarantined
        /// Two mappings of the tenant would be one table. `message` names both.
        case sharedTable
        /// Another start of the job has taken the import over: this one changes nothing any more.
        case claimLost
        /// The job is not tried again: nothing but a change by somebody helps. `message` has the reason.
        case givenUp
    }

    package var code: Code
    /// For operators; may name objects and fields of the org, holds no record data.
    package var message: String

    package init(_ code: Code, _ message: String = "") {
        self.code = code
        self.message = message
    }
}

extension ReplicationError: CustomStringConvertible, CustomDebugStringConvertible {
    /// Safe for logs.
    package var description: String {
        message.isEmpty ? "Replication: \(code.rawValue)" : "Replication: \(code.rawValue): \(message)"
    }

    package var debugDescription: String { description }
}
