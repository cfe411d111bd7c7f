/// A parsed query. Its names are not resolved yet.
struct SOQLQuery: Hashable, Sendable {
    enum Selection: Hashable, Sendable {
        case fields([FieldPath])
        /// `COUNT()`
        case count
    }

    /// A field, or a field of a parent: `Account.Owner.Name`.
    struct FieldPath: Hashable, Sendable {
        let parts: [String]
        let offset: Int
    }

    struct Ordering: Hashable, Sendable {
        let path: FieldPath
        let isDescending: Bool
        /// Nil: nulls sort as the smallest values.
        let nullsFirst: Bool?
    }

    var selection: Selection
    var object: FieldPath
    var condition: SOQLCondition?
    var order: [Ordering] = []
    var limit: Int?
    var offset: Int?
}
