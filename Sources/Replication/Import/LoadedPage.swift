/// A page of an import whose rows are in the table.
struct LoadedPage: Sendable, Equatable {
    /// Empty for the first page, which has none.
    var locator: String
    /// The next page's locator. Nil on the last page.
    var next: String?
    var rows: Int
    var quarantined = 0
    var nulledCells = 0
    /// NUL bytes removed.
    var bytesRepaired = 0
}
