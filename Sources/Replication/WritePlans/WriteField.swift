internal import Encoding
internal import Salesforce
internal import TenantSchema

/// The field of a column, with the rules for its values.
struct WriteField: Sendable {
    /// When the user may write the field.
    struct Permission: Sendable, Equatable {
        var isForInsert: Bool
        var isForUpdate: Bool

        static let none = Permission(isForInsert: false, isForUpdate: false)

        /// Whether the field is sent.
        ///
        /// An upsert most likely creates the record, which needs fields that cannot be
        /// updated, such as the parent of a detail record.
        func allows(_ action: WriteAttempt.Action) -> Bool {
            switch action {
            case .insert, .upsert: isForInsert
            case .update: isForUpdate
            case .delete: false
            }
        }
    }

    let column: String
    let place: Int
    /// The name in requests: see `PreparedRecord.fields`.
    let name: String
    /// The lookup, for the external id of a parent.
    let reference: String?
    /// The lookup that this column sets: itself, or that of `reference`.
    let lookup: String?
    var permission: Permission
    /// Why the column is not synced at present. Nil if it is.
    var pausedBecause: String?
    let isComparable: Bool
    /// Several kinds of parents have the External ID field.
    private let ambiguousParents: [String]
    private let rule: ValueRule

    init(
        _ column: TablePlan.Column, place: Int, _ describe: ObjectDescribe,
        _ parents: [String: ObjectDescribe]
    ) {
        self.column = column.name
        self.place = place
        reference = column.parent?.reference
        let own = describe.field(named: column.parent?.reference ?? column.source)
        permission =
            own.map { Permission(isForInsert: $0.createable, isForUpdate: $0.updateable) } ?? .none
        lookup = own?.type == .reference ? own?.name : nil
        guard let parent = column.parent else {
            name = own?.name ?? column.source
            ambiguousParents = []
            rule = ValueRule(own ?? FieldDescribe(name: column.source, type: .string), column.type)
            isComparable = rule.isComparable
            return
        }
        let known = parent.objects.compactMap { parents[$0] }
        let owners = known.filter { owner in
            owner.field(named: parent.field).map { $0.externalId || $0.idLookup } ?? false
        }
        let kinds = known.isEmpty ? parent.objects : owners.map(\.name)
        ambiguousParents = kinds.count > 1 ? kinds : []
        name =
            parent.objects.count > 1 ? "\(kinds.first ?? parent.objects[0]):\(column.source)" : column.source
        rule = ValueRule(
            owners.first?.field(named: parent.field)
                ?? FieldDescribe(name: parent.field, type: column.type.parentType),
            column.type)
        isComparable = parent.objects.count == 1 && rule.isComparable
    }

    /// The lookup itself before external ids of the parent.
    var order: Int { reference == nil ? -1 : place }

    /// The value of the column's text; nil is null. Throws for a text that the field cannot have.
    func value(_ text: String?) throws(WriteProblem) -> WriteValue {
        guard let text else { return rule.null }
        guard ambiguousParents.isEmpty else {
            throw WriteProblem(
                "INVALID_FIELD",
                "\(column) can name a record of \(ambiguousParents.joined(separator: " or ")): set "
                    + "\((reference ?? "").lowercased()) instead", fields: [reference ?? name])
        }
        do throws(ValueRule.Refusal) {
            return try rule.value(text)
        } catch {
            throw WriteProblem(error.code, "\(column): \(error.reason)", fields: [name])
        }
    }
}

extension ColumnType {
    /// The field type of an External ID whose describe is not known.
    fileprivate var parentType: FieldType {
        switch self {
        case .doublePrecision, .numeric, .integer, .bigint: .double
        default: .string
        }
    }
}
