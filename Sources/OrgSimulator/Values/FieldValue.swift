/// The value of a record's field.
enum FieldValue: Hashable, Sendable {
    /// Also for an empty text, because Salesforce stores no empty texts.
    case null
    case boolean(Bool)
    /// Type `int`.
    case integer(Int)
    /// Types `double`, `currency` and `percent`.
    case number(Double)
    /// Every textual type.
    case text(String)
    /// Types `id` and `reference`.
    case id(OrgRecordID)
    /// Days since 1970-01-01.
    case date(Int)
    /// Milliseconds since midnight.
    case time(Int)
    /// Milliseconds since 1970-01-01T00:00:00Z.
    case instant(Int)
}
