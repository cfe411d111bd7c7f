package import FoundationEssentials

/// A finished import.
package struct ImportResult: Sendable, Equatable {
    package var rowsLoaded: Int
    package var rowsQuarantined: Int
    /// Changes from this time on are not in the table yet.
    package var timeMark: Date
}
