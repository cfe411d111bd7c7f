package import FoundationEssentials

/// A finished import.
package struct ImportResult: Sendable, Equatable {
    package var rowsLoaded: Int
    package var rowsQuarantined: Int
    /// Rows of the table after a reload. Nil after a first import, which has loaded all of them.
    var rowsInTable: Int?
    /// Changes from this time on are not in the table yet.
    package var timeMark: Date
}
