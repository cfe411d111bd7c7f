/// The rule for a field's values. A value depends only on seed, org, object, field and row.
enum Recipe: Sendable {
    /// Always null.
    case nothing
    /// The row's own id.
    case identity
    /// True for deleted rows.
    case deletion
    /// A row of another generated object of the same org.
    case reference(to: String)
    /// One of the org's users.
    case user
    /// The integration user.
    case integrationUser
    /// One of these texts.
    case choice([String])
    /// Up to four of these texts, joined by semicolons.
    case choices([String])
    /// These parts, joined.
    case phrase([Part])
    /// A text of several sentences and, rarely, of up to this many characters.
    case prose(maximum: Int)
    /// True in this many of 256 rows.
    case chance(UInt8)
    case integer(ClosedRange<Int>)
    /// Numbers with `scale` digits behind the point.
    case decimal(ClosedRange<Int>, scale: Int)
    /// Numbers of all magnitudes. Most of them need scientific notation.
    case scientific
    /// Days since 1970-01-01.
    case date(ClosedRange<Int>)
    /// Milliseconds since midnight.
    case timeOfDay
    /// Date-times of the years 2015 to 2025.
    case instant
    /// When the row was created.
    case created
    /// When the row was last changed: at or after `created`.
    case modified

    /// The number of live rows of another generated object that refer to the row.
    case rollUp(child: String, field: String)

    /// A part of a phrase.
    enum Part: Sendable {
        case text(String)
        case oneOf(Vocabulary)
        /// The row's number, counted from 1.
        case number
        /// This many random decimal digits.
        case digits(Int)
    }
}
