/// The tenant's tables as numbers, and the resources that an entry of the log uses.
struct WriteSchema: Sendable {
    private struct Column: Sendable {
        var name: String
        var scopes: [Int32]
    }

    private struct Table: Sendable {
        var name: String
        var upsertColumn: String?
        /// External ids by which changes and references find a record: the upsert column and others.
        var keys: [Column] = []
        var lookups: [String] = []
        var parents: [Column] = []
    }

    private struct ColumnName: Hashable, Sendable {
        var table: String
        var column: String
    }

    private var tables: [Table] = []
    private var numberOf: [String: Int32] = [:]
    private var scopeOf: [ColumnName: Int32] = [:]

    var tableCount: Int { tables.count }

    func name(of table: Int32) -> String { tables[Int(table)].name }

    /// False if a known table finds records by another column now.
    func keepsKeys(_ new: [WriteTable]) -> Bool {
        new.allSatisfy { table in
            guard let number = numberOf[table.name] else { return true }
            return tables[Int(number)].upsertColumn == table.upsertColumn
        }
    }

    /// Numbers stay the same, so that entries that were added before keep theirs.
    mutating func set(_ new: [WriteTable]) {
        for index in tables.indices { tables[index] = Table(name: tables[index].name) }
        for table in new {
            let index = Int(number(of: table.name))
            tables[index].upsertColumn = table.upsertColumn
            tables[index].lookups = table.lookups
            if let column = table.upsertColumn { addKey(column, of: index) }
            for parent in table.parents {
                var scopes: [Int32] = []
                for name in parent.tables {
                    addKey(parent.keyColumn, of: Int(number(of: name)))
                    scopes.append(scope(name, parent.keyColumn))
                }
                if let known = tables[index].parents.firstIndex(where: { $0.name == parent.column }) {
                    tables[index].parents[known].scopes += scopes
                } else {
                    tables[index].parents.append(Column(name: parent.column, scopes: scopes))
                }
            }
        }
    }

    mutating func number(of table: String) -> Int32 {
        if let number = numberOf[table] { return number }
        let number = Int32(tables.count)
        tables.append(Table(name: table))
        numberOf[table] = number
        return number
    }

    private mutating func scope(_ table: String, _ column: String) -> Int32 {
        let name = ColumnName(table: table, column: column)
        if let scope = scopeOf[name] { return scope }
        let scope = Int32(scopeOf.count)
        scopeOf[name] = scope
        return scope
    }

    private mutating func addKey(_ column: String, of index: Int) {
        guard !tables[index].keys.contains(where: { $0.name == column }) else { return }
        let scope = scope(tables[index].name, column)
        tables[index].keys.append(Column(name: column, scopes: [scope]))
    }

    /// Nil if the entry names no record to change or delete.
    func action(of entry: LogEntry, _ table: Int32) -> WriteAttempt.Action? {
        switch entry.action {
        case .delete: return entry.sfid == nil ? nil : .delete
        case .insert:
            if entry.sfid != nil { return .update }
            guard let column = tables[Int(table)].upsertColumn, text(entry.values, column) != nil else {
                return .insert
            }
            return .upsert
        case .update:
            if entry.sfid != nil { return .update }
            guard let column = tables[Int(table)].upsertColumn else { return nil }
            let old = text(entry.old, column).flatMap(WriteResource.keyValue)
            guard let change = entry.values[column] else { return old == nil ? nil : .upsert }
            let new = change.flatMap(WriteResource.keyValue)
            // With another key, an upsert would make a second record beside that of the old key.
            return new != nil && (old == nil || old == new) ? .upsert : nil
        }
    }

    /// Exclusive uses come before shared ones.
    func accesses(of entry: LogEntry, _ table: Int32, into accesses: inout [WriteAccess]) {
        accesses.removeAll(keepingCapacity: true)
        accesses.append(WriteAccess(resource: .row(table: table, id: entry.recordID), mode: .own))
        if let id = entry.sfid.flatMap(WriteResource.recordID) {
            if entry.action == .delete {
                accesses.append(WriteAccess(resource: .record(id), mode: .destroy))
            } else {
                accesses.append(WriteAccess(resource: .fields(id), mode: .own))
                accesses.append(WriteAccess(resource: .record(id), mode: .keep))
            }
        }
        let facts = tables[Int(table)]
        for key in facts.keys { addKey(key, facts.upsertColumn, entry, &accesses) }
        for column in facts.lookups {
            addReferences(entry, column, &accesses) { value, mode, accesses in
                guard let id = WriteResource.recordID(value) else { return }
                accesses.append(WriteAccess(resource: .record(id), mode: mode))
            }
        }
        for column in facts.parents {
            addReferences(entry, column.name, &accesses) { value, mode, accesses in
                guard let value = WriteResource.keyValue(value) else { return }
                for scope in column.scopes {
                    accesses.append(WriteAccess(resource: .key(scope: scope, value: value), mode: mode))
                }
            }
        }
    }

    private func addKey(
        _ key: Column, _ upsertColumn: String?, _ entry: LogEntry, _ accesses: inout [WriteAccess]
    ) {
        let scope = key.scopes[0]
        func add(_ value: String, _ mode: WriteAccess.Mode) {
            accesses.append(WriteAccess(resource: .key(scope: scope, value: value), mode: mode))
        }
        let old = entry.action == .insert ? nil : text(entry.old, key.name).flatMap(WriteResource.keyValue)
        if entry.action == .delete {
            if let old { add(old, .destroy) }
            return
        }
        let new: String?
        if let change = entry.values[key.name] {
            new = change.flatMap(WriteResource.keyValue)
        } else {
            new = old
        }
        guard new == old else {
            if let new { add(new, .create) }
            if let old { add(old, .destroy) }
            return
        }
        guard let new else { return }
        // An upsert by the key may create the record.
        add(new, entry.sfid == nil && key.name == upsertColumn ? .create : .keep)
    }

    /// New values are references. Values that were there before only keep the record from being deleted
    /// first.
    private func addReferences(
        _ entry: LogEntry, _ column: String, _ accesses: inout [WriteAccess],
        _ add: (String, WriteAccess.Mode, inout [WriteAccess]) -> Void
    ) {
        let new = text(entry.values, column)
        if let new { add(new, .reference, &accesses) }
        if let old = text(entry.old, column), old != new { add(old, .keep, &accesses) }
    }

    /// The columns that refer to a resource.
    func columns(of entry: LogEntry, _ table: Int32, naming resource: WriteResource) -> [String] {
        switch resource {
        case .record(let id):
            tables[Int(table)].lookups.filter {
                text(entry.values, $0).flatMap(WriteResource.recordID) == id
            }
        case .key(let scope, let value):
            tables[Int(table)].parents.filter {
                $0.scopes.contains(scope)
                    && text(entry.values, $0.name).flatMap(WriteResource.keyValue) == value
            }.map(\.name)
        case .row, .fields: []
        }
    }

    private func text(_ values: [String: String?], _ column: String) -> String? {
        values.isEmpty ? nil : values[column] ?? nil
    }
}
