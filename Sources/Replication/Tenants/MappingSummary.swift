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
    /// Quarantined rows of the last import.
    package var quarantined: Int
    package var lastError: String?
}
