import Salesforce
import TenantSchema

/// The rows of the editor's list of fields: the object's fields, and mapped names that it does not have.
struct MappingFields: Sendable {
    /// One field.
    struct Row: Sendable, Equatable {
        /// The name in the mapping if it is mapped, else in the org.
        var name: String
        var label: String
        var type: String
        var isMapped: Bool
        /// True if a column can hold it.
        var isPossible: Bool
        /// True if Salesforce accepts values for it.
        var isWritable: Bool
        /// True if it can be the unique identifier.
        var isIdentifier: Bool
    }

    /// Mapped fields first.
    let rows: [Row]

    /// - Parameters:
    ///   - describe: nil if the org has no such object.
    ///   - candidates: the names that a mapping's name can have in the org.
    init(
        _ describe: ObjectDescribe?, _ configuration: MappingConfiguration,
        candidates: (String) -> [String]
    ) {
        var mapped: [String: String] = [:]
        var unknown: [Row] = []
        for name in configuration.fields {
            if let field = candidates(name).lazy.compactMap({ describe?.field(named: $0) }).first {
                mapped[field.name] = name
            } else {
                unknown.append(
                    Row(
                        name: name, label: "not a field of the object", type: "", isMapped: true,
                        isPossible: true, isWritable: true, isIdentifier: false))
            }
        }
        let known = (describe?.fields ?? []).map { field in
            Row(
                name: mapped[field.name] ?? field.name, label: field.label, type: field.type.rawValue,
                isMapped: mapped[field.name] != nil,
                isPossible: ColumnType(field) != nil,
                isWritable: field.createable || field.updateable,
                isIdentifier: field.externalId || (field.idLookup && field.name != "Id"))
        }.sorted { $0.name < $1.name }
        rows = known.filter(\.isMapped) + unknown + known.filter { !$0.isMapped }
    }

    /// Names for the choice of the unique identifier.
    func identifiers(_ present: String?) -> [String] {
        var names = rows.filter(\.isIdentifier).map(\.name)
        if let present, !names.contains(present) { names.append(present) }
        return names
    }
}
