internal import Encoding
package import Salesforce
package import TenantSchema

/// A table as its rows are sent: the field of each column, and which fields the user may write.
package struct WriteLayout: Sendable {
    /// The object's API name.
    package let object: String
    /// The External ID field that upserts match by. Nil without one that can be written.
    package let upsertField: String?
    /// Whether Salesforce keeps the values of the upsert field unique, so that an upsert can be repeated.
    package let isUpsertKeyUnique: Bool
    /// Whether a record is saved although a duplicate rule finds it.
    package let savesDuplicates: Bool
    /// Fields whose sent value and Salesforce's value can be compared: not masked and not rewritten.
    package let comparableFields: Set<String>

    private let fields: [String: WriteField]
    private let upsertColumn: String?

    /// - Parameters:
    ///   - describe: the object as the user sees it now.
    ///   - parents: describes of parents, by API name, as far as they are known. They tell which kind of
    ///     parent of a lookup with several kinds has an External ID field, and the type of that field.
    package init(
        _ table: SyncedTable, _ describe: ObjectDescribe, resolver: NameResolver,
        parents: [String: ObjectDescribe] = [:]
    ) {
        let configuration = table.mapping.configuration
        object = describe.name
        savesDuplicates = configuration.savesDuplicates
        var fields: [String: WriteField] = [:]
        for (place, column) in table.plan.columns.enumerated() {
            var field = WriteField(column, place: place, describe, parents)
            let isReadOnly = column.isReadOnly(in: configuration, resolver)
            field.pausedBecause = table.pausedColumns[column.name]
            if isReadOnly || field.pausedBecause != nil { field.permission = .none }
            fields[column.name] = field
        }
        self.fields = fields
        let key = configuration.upsertField.flatMap { name in
            table.plan.columns.first { $0.parent == nil && $0.isNamed(name, resolver) }
        }
        let keyField = key.flatMap { column in
            describe.field(named: column.source).flatMap {
                fields[column.name]?.permission.isForInsert == true ? $0 : nil
            }
        }
        upsertColumn = keyField == nil ? nil : key?.name
        upsertField = keyField?.name
        isUpsertKeyUnique = keyField?.unique ?? false
        comparableFields = Set(fields.values.filter(\.isComparable).map(\.name))
    }

    /// The record for an entry of the log. Throws for a value that Salesforce cannot take.
    package func record(
        _ item: WriteBatch.Item, _ action: WriteAttempt.Action
    ) throws(WriteProblem) -> PreparedRecord {
        let entry = item.entry
        var record = PreparedRecord(
            entryID: entry.id, recordID: entry.recordID, sfid: nil, key: nil, fields: [], leftOut: [],
            isEmpty: false)
        if action == .delete || action == .update {
            guard let sfid = entry.sfid else {
                guard action == .update else {
                    record.isEmpty = true
                    return record
                }
                throw WriteProblem("MISSING_ARGUMENT", "the row has no sfid, so there is no record to update")
            }
            record.sfid = try Self.id(sfid)
            guard action == .update else { return record }
        }
        try fill(&record, entry, action)
        if action == .upsert { try setKey(of: &record, entry) }
        return record
    }

    /// Whether an entry has values that are not sent: of columns that are not mapped, or that may not be
    /// written. A null of an insert has nothing to send.
    func leavesOut(_ entry: LogEntry) -> Bool {
        entry.values.contains { column, text in
            if text == nil, entry.action == .insert { return false }
            if let field = fields[column] { return field.permission == .none }
            return !Self.ownColumns.contains(column)
        }
    }

    /// Columns of each table that no field fills.
    private static let ownColumns: Set<String> = ["id", "sfid"]

    private static func id(_ sfid: String) throws(WriteProblem) -> String {
        do throws(ValueRule.Refusal) {
            return try ValueRule.id(sfid)
        } catch {
            throw WriteProblem(error.code, "sfid: \(error.reason)", fields: ["Id"])
        }
    }

    /// Sets `fields`, `leftOut` and `isEmpty`.
    private func fill(
        _ record: inout PreparedRecord, _ entry: LogEntry, _ action: WriteAttempt.Action
    ) throws(WriteProblem) {
        var sent: [(field: WriteField, value: WriteValue)] = []
        var leftOut: [WriteField] = []
        // Salesforce has no record of an updated row without one, whose insert was not captured or was given
        // up. The whole row is sent: the changed values alone would make a record without the others.
        let isWhole = action == .upsert && entry.action == .update
        for (column, text) in chosen(isWhole ? entry.row : entry.values) {
            guard let field = fields[column] else { continue }
            // A null of an insert is a column that the application did not name: the org's default applies,
            // and an upsert keeps the value of an existing record.
            if text == nil, entry.action == .insert { continue }
            guard field.permission.allows(action) else {
                if isWhole, entry.values[column] == nil { continue }
                leftOut.append(field)
                record.paused[column] = field.pausedBecause
                continue
            }
            sent.append((field, try field.value(text)))
        }
        sent.sort { $0.field.place < $1.field.place }
        record.fields = sent.map { value in
            // A parent by its external id is removed through the lookup.
            value.value == .null
                ? (value.field.reference ?? value.field.name, .null)
                : (value.field.name, value.value)
        }
        record.leftOut = leftOut.sorted { $0.place < $1.place }.map(\.name)
        record.isEmpty = sent.isEmpty && entry.action != .insert
    }

    /// The columns to send. Of a lookup and the external ids of its parent, Salesforce takes one:
    /// the lookup if it has a value, else an external id with a value, else the null of one of them.
    private func chosen(_ values: [String: String?]) -> [String: String?] {
        var values = values
        var byReference: [String: [WriteField]] = [:]
        for column in values.keys {
            guard let field = fields[column], field.permission != .none, let reference = field.lookup
            else { continue }
            byReference[reference, default: []].append(field)
        }
        for group in byReference.values where group.count > 1 {
            let sorted = group.sorted { $0.order < $1.order }
            let kept = sorted.first { values[$0.column] != .some(nil) } ?? sorted[0]
            for field in sorted where field.column != kept.column { values[field.column] = nil }
        }
        return values
    }

    /// Adds the upsert field. An update of a row that was never sent has its key in the old row.
    private func setKey(of record: inout PreparedRecord, _ entry: LogEntry) throws(WriteProblem) {
        guard let upsertColumn, let upsertField, let field = fields[upsertColumn] else {
            throw WriteProblem(
                "INVALID_FIELD", "\(object) has no External ID field that can be written for this mapping")
        }
        let stored = entry.values[upsertColumn] ?? entry.old[upsertColumn] ?? nil
        guard let text = stored, case let value = try field.value(text), value != .null else {
            // Salesforce takes an empty text as null.
            let state = stored == nil ? "null" : "empty"
            throw WriteProblem(
                "REQUIRED_FIELD_MISSING", "\(upsertColumn) is the upsert key, and it is \(state)",
                fields: [upsertField])
        }
        record.key = value.csv
        record.leftOut.removeAll { $0 == upsertField }
        if !record.fields.contains(where: { $0.name == upsertField }) {
            record.fields.append((upsertField, value))
        }
    }
}
