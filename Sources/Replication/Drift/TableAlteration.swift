internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// Brings one table to the plan of the org's present describe. Each change commits with the stored plan.
struct TableAlteration: Sendable {
    let cell: PostgresPool
    let tenant: Tenant
    let resolver: NameResolver
    /// Called first in each transaction.
    let fence: WriteFence
    /// The longest wait for a lock that the tenant's sessions hold, over all tries of one change.
    var lockWait = ReplicationLimits.alterationWait

    private let store = DriftStore()
    private let tables = SyncedTableStore()

    init(cell: PostgresPool, tenant: Tenant, resolver: NameResolver, fence: @escaping WriteFence) {
        self.cell = cell
        self.tenant = tenant
        self.resolver = resolver
        self.fence = fence
    }

    /// What was changed.
    struct Report: Sendable, Equatable {
        /// The table afterwards.
        var table: SyncedTable
        var added: [String] = []
        /// Those of `added` that the table had already.
        var kept: Set<String> = []
        /// Columns that somebody had dropped.
        var restored: [String] = []
        /// Columns that are not mapped any more.
        var removed: [String] = []
        var widened: [SchemaDrift.Widening] = []
        /// Columns that are not read from now on, with the reason.
        var paused: [String: String] = [:]
        var resumed: [String] = []
        var addedIndexes: [String] = []
        var droppedIndexes: [String] = []
        var isAccessChanged = false
        var isFilterChanged = false
        /// True if triggers were created again, without which users' changes were not captured.
        var isCaptureRestored = false
        /// True if columns must be filled.
        var needsBackfill = false
        /// True if a change could not be made now: the table is locked, or an object is in the way.
        var isPending = false

        /// True if nothing was to be changed.
        var isEmpty: Bool {
            added.isEmpty && restored.isEmpty && removed.isEmpty && widened.isEmpty && paused.isEmpty
                && resumed.isEmpty && addedIndexes.isEmpty
                && droppedIndexes.isEmpty && !isAccessChanged && !isFilterChanged && !isCaptureRestored
        }
    }

    /// The changes that the table needs, without making them.
    func drift(of table: SyncedTable, to fresh: TablePlan) async throws -> SchemaDrift {
        try await cell.withCellConnection { try await drift(of: table, to: fresh, on: $0) }
    }

    private func drift(
        of table: SyncedTable, to fresh: TablePlan, on connection: PostgresConnection
    ) async throws -> SchemaDrift {
        SchemaDrift(
            table.plan, paused: table.pausedColumns, fresh: fresh,
            shape: try await TableShape(of: table.plan.table, in: tenant.schema, on: connection),
            table.mapping.configuration, resolver)
    }

    /// The changes without columns that have unsent local changes.
    private func safeDrift(
        of table: SyncedTable, to fresh: TablePlan, _ ddl: TenantDDL, on connection: PostgresConnection
    ) async throws -> SchemaDrift {
        let shape = try await TableShape(of: table.plan.table, in: tenant.schema, on: connection)
        let drift = SchemaDrift(
            table.plan, paused: table.pausedColumns, fresh: fresh, shape: shape, table.mapping.configuration,
            resolver)
        guard !drift.removed.isEmpty else { return drift }
        let unsent: [String] = try await connection.query(
            SQL(raw: ddl.unsent(drift.removed, of: table.plan))
        ).column()
        return SchemaDrift(
            table.plan, paused: table.pausedColumns, fresh: fresh, shape: shape, table.mapping.configuration,
            resolver, unsent: Set(unsent))
    }

    /// Makes the changes. A change that a lock or an object of the tenant prevents is left out.
    func run(_ table: SyncedTable, to fresh: TablePlan, _ ddl: TenantDDL) async throws -> Report {
        var report = Report(table: table)
        let drift = try await attempt { connection in
            try await changeColumns(table, to: fresh, ddl, on: connection)
        }
        guard let drift else {
            report.isPending = true
            return report
        }
        report.table = drift.table
        report.added = drift.value.added.map(\.name)
        report.kept = drift.value.kept
        report.removed = drift.value.removed.filter { !drift.value.waiting.contains($0) }
        report.isPending = !drift.value.waiting.isEmpty
        report.paused = drift.value.newlyPaused
        report.resumed = drift.value.resumed
        report.droppedIndexes = drift.value.droppedIndexes.map(\.name)
        report.isAccessChanged = drift.value.isAccessChanged
        report.isFilterChanged = drift.value.isFilterChanged
        report.isCaptureRestored = drift.value.lacksCapture
        report.needsBackfill = !drift.value.backfill.isEmpty
        for column in drift.value.lost { try await restore(column, ddl, &report) }
        for widening in drift.value.widenings { try await widen(widening, ddl, &report) }
        let absent = Set(drift.value.lost.map(\.name)).subtracting(report.restored)
        for index in drift.value.addedIndexes where !absent.contains(index.column) {
            try await create(index, ddl, &report)
        }
        return report
    }

    /// Creates the columns and the index of `sfid` that the table lacks, without a describe of the org.
    func restore(_ table: SyncedTable, _ ddl: TenantDDL) async throws -> Report {
        let shape = try await cell.withCellConnection {
            try await TableShape(of: table.plan.table, in: tenant.schema, on: $0)
        }
        var report = Report(table: table)
        guard shape.types["sfid"] != nil else { return report }
        for column in table.storedColumns where shape.types[column.name] == nil {
            try await restore(column, ddl, &report)
        }
        let restored = Set(report.restored)
        for index in table.plan.indexes where restored.contains(index.column) || shape.lacksKey(index) {
            try await create(index, ddl, &report)
        }
        return report
    }

    private struct Changed: Sendable {
        var table: SyncedTable
        var value: SchemaDrift
    }

    /// Everything except new types and new indexes, in the caller's transaction. Locks the plan.
    private func changeColumns(
        _ table: SyncedTable, to fresh: TablePlan, _ ddl: TenantDDL, on connection: PostgresConnection
    ) async throws -> Changed {
        var current = try await locked(table, on: connection)
        let drift = try await safeDrift(of: current, to: fresh, ddl, on: connection)
        var statements = ddl.add(drift.added, to: drift.plan)
        statements += drift.droppedIndexes.map { $0.drop(in: tenant.schema) }
        if drift.lacksCapture { statements += [ddl.lock] + ddl.capture(drift.plan) }
        if drift.isAccessChanged { statements += [ddl.lock, ddl.logger(drift.plan)] }
        for statement in statements { try await connection.script(statement) }
        current.plan = drift.plan
        // Stored when they exist.
        current.plan.indexes.removeAll { drift.addedIndexes.contains($0) }
        current.pausedColumns = drift.paused
        try await tables.save(current, on: connection)
        try await store.requestBackfill(drift.backfill, of: table.mapping, on: connection)
        if drift.isFilterChanged {
            try await store.requestReload(of: table.mapping.id, because: "filter_changed", on: connection)
        }
        return Changed(table: current, value: drift)
    }

    /// The stored table, locked in the caller's transaction.
    private func locked(_ table: SyncedTable, on connection: PostgresConnection) async throws -> SyncedTable {
        try await store.lockPlan(of: table.mapping.id, on: connection)
        guard var current = try await tables.table(of: table.mapping, on: connection) else {
            throw ReplicationError(.notFound, "the plan of mapping \(table.mapping.id)")
        }
        current.mapping = table.mapping
        return current
    }

    /// Runs `body` in a transaction with a short lock time-out, and again until `lockWait` is over. Nil then.
    private func attempt<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value? {
        let deadline = ContinuousClock.now + lockWait
        while true {
            do {
                return try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
                    connection in
                    try await connection.script(
                        """
                        set local lock_timeout = '\(ReplicationLimits.wideningLockTimeout.milliseconds)ms';
                        set local statement_timeout = '\(ReplicationLimits.alterationTime.milliseconds)ms'
                        """)
                    try await fence(connection)
                    return try await body(connection)
                }
            } catch let error as PostgresError where Self.isBusy(error) {
                guard .now < deadline else { return nil }
                try await Task.sleep(for: ReplicationLimits.wideningPause)
            }
        }
    }

    private static func isBusy(_ error: PostgresError) -> Bool {
        error.code == .server && [.lockNotAvailable, .deadlockDetected].contains(error.sqlState)
    }
}

// Columns that somebody dropped.
extension TableAlteration {
    /// Creates a lost column again. It is paused if the database refuses that: the table belongs to another
    /// role.
    private func restore(_ column: TablePlan.Column, _ ddl: TenantDDL, _ report: inout Report) async throws {
        do {
            let table = report.table
            guard let restored = try await attempt({ try await restore(column, of: table, ddl, on: $0) })
            else {
                report.isPending = true
                return
            }
            report.table = restored
            report.restored.append(column.name)
            report.needsBackfill = report.needsBackfill || column.isSelected
        } catch let error as PostgresError where Self.isBlocked(error) {
            report.isPending = true
            try await pause(
                column.name,
                because: "somebody dropped the column, and the database refuses to create it again "
                    + "(\(error.message)): create it as \(column.type.sql)", &report)
        }
    }

    private func restore(
        _ column: TablePlan.Column, of table: SyncedTable, _ ddl: TenantDDL,
        on connection: PostgresConnection
    ) async throws -> SyncedTable {
        var current = try await locked(table, on: connection)
        for statement in ddl.add([column], to: current.plan) { try await connection.script(statement) }
        if let index = current.plan.columns.firstIndex(where: { $0.name == column.name }) {
            current.plan.columns[index] = column
        }
        current.pausedColumns[column.name] = nil
        try await tables.save(current, on: connection)
        try await store.requestBackfill(
            column.isSelected ? [column.name] : [], of: table.mapping, on: connection)
        return current
    }

    /// Stops reading a column, unless it is paused already.
    private func pause(
        _ column: String, because reason: String, _ report: inout Report
    ) async throws {
        guard report.table.pausedColumns[column] == nil else { return }
        let mapping = report.table.mapping.id
        let isPaused = try await attempt { connection in
            try await store.lockPlan(of: mapping, on: connection)
            try await tables.pause(column, because: reason, of: mapping, on: connection)
            return true
        }
        guard isPaused == true else { return }
        report.table.pausedColumns[column] = reason
        report.paused[column] = reason
    }
}

// New types.
extension TableAlteration {
    /// Widens a column. If a view uses it, the table belongs to another role, or rewriting it takes too
    /// long, the column is paused: values that do not fit would be lost.
    private func widen(_ widening: SchemaDrift.Widening, _ ddl: TenantDDL, _ report: inout Report)
        async throws
    {
        let column = widening.column
        // A rewrite that took too long is not repeated. The tenant's owner can do it.
        if report.table.pausedColumns[column] != nil, report.table.rewrites(for: widening) {
            report.isPending = true
            return
        }
        do {
            let table = report.table
            guard let widened = try await attempt({ try await widen(table, widening, ddl, on: $0) }) else {
                report.isPending = true
                return
            }
            if report.table.pausedColumns[column] != nil { report.resumed.append(column) }
            report.needsBackfill = report.needsBackfill || report.table.needsBackfill(after: widening)
            report.table = widened
            report.widened.append(widening)
        } catch let error as PostgresError where Self.isBlocked(error) {
            report.isPending = true
            try await pause(column, because: Self.reason(widening, error), &report)
        }
    }

    private func widen(
        _ table: SyncedTable, _ widening: SchemaDrift.Widening, _ ddl: TenantDDL,
        on connection: PostgresConnection
    ) async throws -> SyncedTable {
        var current = try await locked(table, on: connection)
        try await connection.script(
            ddl.widen(widening.column, to: widening.type, in: current.plan),
            deadline: .now + ReplicationLimits.alterationTime)
        if current.needsBackfill(after: widening) {
            try await store.requestBackfill([widening.column], of: table.mapping, on: connection)
        }
        current.plan.widen(widening)
        current.pausedColumns[widening.column] = nil
        try await tables.save(current, on: connection)
        try await store.requestNulledCells(of: table.mapping, widening.column, on: connection)
        return current
    }

    private static func isBlocked(_ error: PostgresError) -> Bool {
        if error.code == .timedOut { return true }
        return [.featureNotSupported, .dependentObjects, .insufficientPrivilege, .queryCancelled]
            .contains(error.sqlState)
    }

    private static func reason(_ widening: SchemaDrift.Widening, _ error: PostgresError) -> String {
        let needed = "the column \(widening.column) must become \(widening.type.sql)"
        switch error.sqlState {
        case .insufficientPrivilege?: return "\(needed), but the table belongs to another role"
        case .featureNotSupported?, .dependentObjects?:
            // The detail names the view.
            let user = error.detail ?? error.message
            return
                "\(needed), but an object of the schema uses it (\(user)): drop the object, then "
                + "create it again"
        default:
            let seconds = ReplicationLimits.alterationTime.components.seconds
            return "\(needed), which takes longer than \(seconds) s: "
                + "change its type yourself when the table is not in use"
        }
    }
}

// New indexes.
extension TableAlteration {
    /// Creates an index without blocking the tenant's writes, as far as the rows allow it, and stores it.
    private func create(_ index: TablePlan.Index, _ ddl: TenantDDL, _ report: inout Report) async throws {
        let table = ddl.name(report.table.plan)
        let deadline = ContinuousClock.now + ReplicationLimits.cellStatement
        let names = ddl.freeNames(of: [index], for: report.table.plan)
        try await cell.withCellConnection { try await $0.script(names, deadline: deadline) }
        let isUnique = try await build(index.createConcurrently(on: table), index, deadline)
        if !isUnique, index.isUnique {
            _ = try await build(index.createConcurrently(on: table, isPlain: true), index, deadline)
        }
        let saved = try await attempt { [before = report.table] connection in
            var current = try await locked(before, on: connection)
            current.plan.indexes.removeAll { $0.column == index.column }
            current.plan.indexes = (current.plan.indexes + [index]).sorted { $0.name < $1.name }
            try await tables.save(current, on: connection)
            return current
        }
        guard let saved else {
            report.isPending = true
            return
        }
        report.table = saved
        report.addedIndexes.append(index.name)
    }

    /// False if the rows do not allow the index.
    private func build(
        _ statement: String, _ index: TablePlan.Index, _ deadline: ContinuousClock.Instant
    ) async throws -> Bool {
        try await cell.withCellConnection { connection in
            do {
                // An index of an interrupted build is invalid, and `if not exists` would keep it.
                try await connection.script(index.drop(in: tenant.schema))
                try await connection.execute(SQL(raw: statement), deadline: deadline)
                return true
            } catch let error as PostgresError where Self.isRefusedIndex(error) {
                try await connection.script(index.drop(in: tenant.schema))
                return false
            }
        }
    }

    private static func isRefusedIndex(_ error: PostgresError) -> Bool {
        guard let state = error.sqlState else { return false }
        // A value is too long for an entry (class 54), or values repeat.
        return state == .uniqueViolation || state.classCode == "54"
    }
}

extension SyncedTable {
    /// True if the change of type rewrites all rows while the table is locked.
    fileprivate func rewrites(for widening: SchemaDrift.Widening) -> Bool {
        switch widening.type {
        case .varchar, .text: false
        default: true
        }
    }

    /// True if rows lack values of the column after the change: it was not read, or its values were rounded.
    fileprivate func needsBackfill(after widening: SchemaDrift.Widening) -> Bool {
        pausedColumns[widening.column] != nil || plan.isRounded(before: widening)
    }
}
