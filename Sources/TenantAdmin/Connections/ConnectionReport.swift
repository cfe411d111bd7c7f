package import FoundationEssentials
package import Organizations

/// A tenant's connection with its mappings, as programs see it.
package struct ConnectionReport: Sendable {
    package var organization: Organization
    /// The admin's consent. Nil before it.
    package var grant: Grant?
    /// Sorted by object. Empty if they were not asked for.
    package var mappings: [MappingReport] = []
    /// The first service for external objects. Nil without one.
    package var odata: ODataReference?
    /// The settings of the connection, as JSON.
    package var settings: String
    package var createdAt: Date

    /// A service for external objects.
    package struct ODataReference: Sendable, Equatable {
        package var id: Int
        package var slug: String
    }

    /// The consent of an admin.
    package struct Grant: Sendable, Equatable {
        package var username: String?
        /// Salesforce's identity document, as JSON.
        package var identity: String?
        package var updatedAt: Date
        /// The origin at which the admin logged in.
        package var loginURL: String
    }

    /// A mapping with its row counts, as last counted.
    package struct MappingReport: Sendable, Equatable {
        package var id: UUID
        package var objectName: String
        /// Nil until the object was first described.
        package var table: String?
        /// Heroku Connect's `config`, as JSON.
        package var configuration: String
        /// Members of `configuration` that programs see beside it, each as JSON. Lists have thousands of
        /// mappings, so nothing parses `configuration` for them.
        package var members: Members
        /// Heroku Connect's name of the state.
        package var state: String
        package var stateDescription: String?
        package var lastError: String?
        package var rows: Int?
        package var rowsAt: Date?
        package var orgRows: Int?
        package var orgRowsAt: Date?
        package var createdAt: Date
        package var updatedAt: Date
        package var pausedAt: Date?
        /// Facts of the tenant's cell. Nil in lists, and if the cell does not answer.
        package var activity: Activity?
    }

    /// Members of a mapping's `config`, each as JSON. Nil where it has none.
    package struct Members: Sendable, Equatable {
        package var notifyEnabled: String?
        package var pollingSeconds: String?
        package var access: String?
        package var upsertField: String?
    }

    /// The changes of a mapping.
    package struct Activity: Sendable, Equatable {
        /// Local changes that are not in Salesforce yet.
        package var pending = 0
        /// Local changes that Salesforce refused.
        package var failed = 0
        package var lastWriteAt: Date?
        package var lastPollAt: Date?

        package init() {}
    }
}
