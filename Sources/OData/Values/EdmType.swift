import TenantAdmin

/// The types of the Entity Data Model (EDM).
enum EdmType {
    /// The name of a column's type.
    static func name(of kind: ODataColumn.Kind, _ version: ODataVersion) -> String {
        switch kind {
        case .boolean: "Edm.Boolean"
        case .int16: "Edm.Int16"
        case .int32: "Edm.Int32"
        case .int64: "Edm.Int64"
        case .single: "Edm.Single"
        case .double: "Edm.Double"
        case .decimal: "Edm.Decimal"
        case .text, .varchar, .character: "Edm.String"
        case .date: version == .v4 ? "Edm.Date" : "Edm.DateTime"
        case .timestamp: version == .v4 ? "Edm.DateTimeOffset" : "Edm.DateTime"
        case .zonedTimestamp: "Edm.DateTimeOffset"
        case .time: version == .v4 ? "Edm.TimeOfDay" : "Edm.Time"
        case .uuid: "Edm.Guid"
        case .bytes: "Edm.Binary"
        }
    }
}
