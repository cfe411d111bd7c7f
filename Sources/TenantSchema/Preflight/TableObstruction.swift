/// An existing relation that has the name of a mapped table and cannot serve as that table.
package enum TableObstruction: Sendable, Hashable {
    /// No table. The value is its kind with an article.
    case otherKind(String)
    /// A table of somebody else: it lacks these of Multiconnect's own columns.
    case lacksColumns(String)

    /// - Parameters:
    ///   - kind: the catalog's `relkind`.
    ///   - missingColumns: those of `TablePlan.systemColumns` that the relation lacks, joined by commas.
    package init?(kind: String, missingColumns: String?) {
        switch kind {
        case "r", "p":
            guard let missingColumns else { return nil }
            self = .lacksColumns(missingColumns)
        case "v": self = .otherKind("a view")
        case "m": self = .otherKind("a materialized view")
        case "f": self = .otherKind("a foreign table")
        case "S": self = .otherKind("a sequence")
        case "c": self = .otherKind("a composite type")
        case "i", "I": self = .otherKind("an index")
        default: return nil
        }
    }

    /// Why the mapping cannot be synced, and what to do.
    package func problem(_ name: String, in schema: String) -> String {
        switch self {
        case .otherKind(let kind): "\(schema).\(name) is \(kind), not a table: rename or drop it, then retry"
        case .lacksColumns(let columns):
            "\(schema).\(name) exists without the columns \(columns), so Multiconnect did not create it: "
                + "rename or drop it, then retry"
        }
    }
}
