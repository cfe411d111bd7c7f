package import FoundationEssentials

/// A mapping as operators see it.
package struct MappingSummary: Sendable, Equatable {
    package var id: UUID
    /// The object's name in the mapping file.
    package var objectName: String
    /// The table in the tenant's schema; nil until the object was first described.
    package var table: String?
    /// Nil for a state that this version does not know.
    package var state: Mapping.State?
    /// The reason of the state, or its label.
    package var detail: String?
    /// True after its first import.
    package var isImported: Bool
    /// When an operator paused the mapping; nil if it is not paused.
    package var pausedAt: Date?
    /// Rows as last counted.
    package var rows: Int?
    /// Rows in the org as last counted.
    package var orgRows: Int?
    /// When both numbers were counted. Nil before the end of the first import.
    package var countedAt: Date?
    /// Quarantined rows of the last import.
    package var quarantined: Int
    package var lastError: String?
    /// Why its polls or its import wait; nil if they do not.
    package var waitDetail: String?
    package var repair: Repair

    /// False before the first import, and while the org has no such object.
    package var canReload: Bool { isImported && state != .error }

    /// The last comparison with the org.
    package struct Repair: Sendable, Equatable {
        /// Nil before the first one.
        package var at: Date?
        package var rows: Int?
        package var differences: Int?
        /// Why differences remain, or why the comparison failed.
        package var detail: String?
    }
}
