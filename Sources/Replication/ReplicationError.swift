/// An error while a tenant's tables are created or filled.
package struct ReplicationError: Error, Sendable, Equatable {
    /// The kind of error, for callers.
    package enum Code: String, Sendable, Hashable {
        /// The tenant's database lacks something that replication needs: a privilege, `hstore`, UTF-8.
        case databaseUnsuitable
        /// The tenant's cell is not configured.
        case unknownCell
        /// The organization, connection or mapping of a job does not exist.
        case notFound
        /// The header line of Bulk results does not name the selected columns.
        case unexpectedColumns
        /// A page ended early, or has another number of rows than its headers say.
        case incompletePage
        /// All pages are loaded, but the number of rows is not Salesforce's.
        case rowCountMismatch
        /// Salesforce ended the Bulk job as Failed or Aborted, or deleted it.
        case bulkJobLost
        /// An answer has an invalid value.
        case malformedResponse
        /// Salesforce named the same page of Bulk results twice.
        case repeatedLocator
        /// More rows are quarantined than the operator allows.
        case tooManyQuarantined
        /// Two mappings of the tenant have the same table. `message` names both.
        case sharedTable
        /// A view or somebody else's table has the name of the mapping's table.
        case tableObstructed
        /// The org refuses the mapping's row filter.
        case invalidFilter
        /// The settings of a mapping do not fit each other, or the org.
        case invalidSettings
        /// The mapping has changed since the change of it was planned.
        case outdatedMapping
        /// The mapping cannot be removed: local changes of its table are not in Salesforce.
        case unsentChanges
        /// Another start of the job has taken the import over. This start can change no rows.
        case claimLost
        /// Another worker holds the tenant's lease. This one can change no rows.
        case leaseLost
        /// The job is not tried again: another start would not help. `message` has the reason.
        case givenUp
    }

    package var code: Code
    /// For operators. May name objects and fields of the org; holds no record data.
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
