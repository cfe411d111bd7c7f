/// One page of an import that is in the table.
struct LoadedPage: Sendable, Equatable {
    /// Empty for the first page, which has none.
    var locator: String
    /// Nil on the last page.
    var next: String?
    var rows: Int
    var quarantined = 0
    /// NUL bytes taken out.
    var bytesRepaired = 0
}
