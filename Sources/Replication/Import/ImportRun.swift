internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Carries out the steps of `ImportMachine` for one start of an import.
///
/// Each decision and result is stored in the cell before anything follows from it, so that the next start
/// resumes after a crash.
struct ImportRun: Sendable {
    let services: ReplicationServices
    let tenant: Tenant
    let mapping: Mapping
    let cell: PostgresPool
    let rest: RESTClient
    let job: JobContext
    var table: TablePlan
    var plan: ImportPlan
    let schema: TenantDatabase
    let ddl: TenantDDL
    /// Changes from this time on are read again after the import.
    var timeMark: Date
    /// True if the table was created a moment ago.
    var isCreated = false
    /// The table into which all rows are merged, because it has rows: a reload, or an import that takes over
    /// a table. Nil for an import that fills an empty table.
    var reload: SyncedTable?
    /// The token of this start in the cell.
    let claim = UUID()

    private let store = ImportStore()

    /// The end of a start that did not fail.
    enum End: Sendable {
        /// Delete the Bulk job after the end is recorded.
        case finished(ImportResult, bulkJob: SalesforceID?)
        case suspended(Duration)
    }

    /// Loads the table. Throws the error that a refusal or a failed check causes.
    func load() async throws -> End {
        var machine = ImportMachine(try settings())
        var event = try await takeOver()
        var shownState: Mapping.State?
        while true {
            let step = machine.next(after: event, now: .now)
            let reloading = isReload ? Mapping.State.reloadTable : nil
            if let state = reloading ?? machine.mappingState, state != shownState {
                try await show(state)
                shownState = state
            }
            switch step {
            case .suspend(let pause): return .suspended(pause)
            case .fail(let failure):
                if case .replication(let error) = failure, error.code == .tooManyQuarantined {
                    try await notices.noteQuarantined(try await progress(of: try machine.openRecord()))
                }
                throw failure.error
            case .finish(let expected, let bulkJob):
                let result = try await finish(try machine.openRecord(), expected)
                return .finished(result, bulkJob: bulkJob)
            case .open: event = .opened(try await open())
            case .resume(let record): event = .opened(try await resume(record))
            case .discard(let record):
                try await discard(record)
                event = .discarded
            default: event = try await perform(step, of: try machine.openRecord())
            }
        }
    }

    private var isReload: Bool { reload != nil && mapping.isImported }

    private func settings() throws -> ImportMachine.Settings {
        ImportMachine.Settings(
            objectName: mapping.objectName, bulkThreshold: services.settings.bulkThreshold,
            pollBudget: services.settings.pollBudget, quarantineLimit: services.settings.quarantineLimit,
            apiVersion: rest.version.major, fitsAddress: RESTClient.canQuery(try plan.soql()))
    }

    private func show(_ state: Mapping.State) async throws {
        try await services.control.withConnection { connection in
            if isReload {
                try await MappingStore().beginReload(of: mapping.id, on: connection)
            } else {
                try await MappingStore().setState(mapping.id, state, on: connection)
            }
        }
    }

    private var notices: ImportNotices {
        ImportNotices(control: services.control, cell: cell, mapping: mapping, plan: plan)
    }
}

// The row of the import, and the table.
extension ImportRun {
    private func takeOver() async throws -> ImportMachine.Event {
        let record = try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
            connection in
            let record = try await store.takeOver(mapping.id, kind, claim: claim, on: connection)
            // A slow start must not take the import from a later one.
            if record != nil { try await job.confirmClaim() }
            return record
        }
        guard let record else { return .found(nil, ImportProgress()) }
        if reload != nil, try await !renewRead(record) {
            try await discardReload(record)
            return .found(nil, ImportProgress())
        }
        return .found(record, try await progress(of: record))
    }

    private func progress(of record: ImportRecord) async throws -> ImportProgress {
        try await cell.withCellConnection { try await store.progress(of: record.id, on: $0) }
    }

    private func open() async throws -> ImportRecord {
        guard reload == nil else { return try await openReload() }
        return try await schema.run(isCreated ? [] : ddl.table(table)) { connection in
            let record = try await store.begin(
                mapping, tenant: tenant, plan: table, timeMark: timeMark, claim: claim, on: connection)
            try await job.confirmClaim()
            return record
        }
    }

    private func resume(_ record: ImportRecord) async throws -> ImportRecord {
        // Its table exists.
        guard reload == nil else { return record }
        try await schema.run(ddl.table(table)) { connection in
            try await store.hold(record, on: connection)
            return try await schema.has(table, on: connection)
        }
        return record
    }

    /// Removes the rows that the import has loaded. Rows that users added and Salesforce does not have stay.
    private func discard(_ record: ImportRecord) async throws {
        guard reload == nil else { return try await discardReload(record) }
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await connection.script("set local xmlbinary = 'hex'")
            try await store.discard(record, on: connection)
            try await connection.execute(
                SQL(raw: "delete from \(plan.table) where sfid is not null"),
                deadline: .now + ReplicationLimits.cellStatement)
        }
        _ = try await services.control.withConnection {
            try await MappingStore().noteQuarantined(0, of: mapping.id, on: $0)
        }
    }

    private func finish(_ record: ImportRecord, _ expected: Int) async throws -> ImportResult {
        if let reload { return try await finish(record, reloading: reload, expected) }
        let progress = try await progress(of: record)
        try await notices.noteQuarantined(progress)
        try await buildIndexes(record)
        try await notices.noteAdjustments(record)
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await store.setExpectedRows(expected, for: record, on: connection)
            try await store.finish(record, mapping: mapping, on: connection)
            try await SyncedTableStore().save(
                SyncedTable(mapping: mapping, schema: tenant.schema, plan: table), on: connection)
        }
        return ImportResult(
            rowsLoaded: progress.rows, rowsQuarantined: progress.quarantined, timeMark: record.timeMark)
    }

    /// Builds the indexes that were dropped when the import began. Other tenants' DDL does not wait for it.
    private func buildIndexes(_ record: ImportRecord) async throws {
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await store.hold(record, on: connection)
            try await connection.script(
                "set local lock_timeout = '\(ReplicationLimits.lockTimeout.milliseconds)ms'; "
                    + "set local statement_timeout = 0")
            for statement in ddl.createIndexes(table) {
                try await connection.script(statement, deadline: .now + ReplicationLimits.cellStatement)
            }
        }
    }

    /// Salesforce deletes it after seven days, so a failure does not matter.
    func delete(_ bulkJob: SalesforceID) async {
        do {
            try await BulkQuery(rest).delete(bulkJob)
        } catch {
            services.logger.debug("could not delete bulk job", metadata: ["error": "\(error)"])
        }
    }
}

// Reading rows.
extension ImportRun {
    private func perform(
        _ step: ImportMachine.Step, of record: ImportRecord
    ) async throws -> ImportMachine.Event {
        do {
            switch step {
            case .query: return .queried(rows: try await query(record))
            case .createBulkJob: return .created(try await createBulkJob(record))
            case .checkBulkJob(let id):
                try job.checkClaim()
                return .checked(try await BulkQuery(rest).job(id))
            default: break
            }
        } catch let error as SalesforceError {
            return .refused(error)
        }
        switch step {
        case .countRecords: return .counted(try await countRecords())
        case .choose(let method, let records):
            return .recorded(
                try await begin(method) {
                    try await store.choose(method, records: records, for: record, on: $0)
                })
        case .change(let method, let error): return .recorded(try await change(record, to: method, error))
        case .sleep(let pause):
            try await Task.sleep(for: pause)
            return .slept
        case .loadResults(let id, let expected):
            do {
                try await loadResults(of: id, expected, record)
                return .loaded
            } catch let error as ReplicationError {
                return .failed(error)
            }
        case .sumUp: return .summed(try await progress(of: record))
        default: preconditionFailure("load() carries out the step \(step)")
        }
    }

    /// Records the method. For many rows the indexes are built faster after the rows are loaded.
    private func begin(
        _ method: ImportRecord.Method,
        _ choose: (PostgresConnection) async throws -> ImportRecord
    ) async throws -> ImportRecord {
        guard method == .bulk, reload == nil else { return try await cell.withCellConnection(choose) }
        return try await schema.run(ddl.dropIndexesIfEmpty(table), after: choose)
    }

    private func loader(_ record: ImportRecord) -> PageLoader {
        PageLoader(
            pool: cell, mapping: mapping, record: record, plan: plan,
            merger: reload.map { PageMerger($0, pool: cell) },
            onLoaded: { [imports = services.imports, isReload, id = tenant.id] in
                imports.count($0, isReload: isReload, of: id)
            })
    }

    private func query(_ record: ImportRecord) async throws -> Int {
        try await RESTImport(rest: rest, loader: loader(record), gate: services.gate).run()
    }

    private func createBulkJob(_ record: ImportRecord) async throws -> SalesforceID {
        let created = try await BulkQuery(rest).create(try plan.soql())
        try await cell.withCellConnection {
            try await store.setBulkJob(
                created.id.text, apiVersion: rest.version.major, for: record, on: $0)
        }
        return created.id
    }

    /// Salesforce's own count is cheap, but it does not cover all objects, and the user needs a permission
    /// for it.
    private func countRecords() async throws -> Int {
        if let filter = plan.filter {
            try await FilterCheck(rest: rest).check(filter, of: plan.objectName)
            return try await rest.count(try plan.countQuery())
        }
        do {
            let counts = try await rest.recordCounts(of: [plan.objectName])
            if let count = counts[plan.objectName], count > 0 { return count }
        } catch let error as SalesforceError
            where [.forbidden, .notFound, .invalidType, .rejected].contains(error.code)
        {
            services.logger.debug("no record count, counting with a query", metadata: ["error": "\(error)"])
        }
        return try await rest.count(try plan.countQuery())
    }

    private func change(
        _ record: ImportRecord, to method: ImportRecord.Method, _ error: SalesforceError
    ) async throws -> ImportRecord {
        services.logger.notice(
            "import method changed",
            metadata: ["object": "\(plan.objectName)", "to": "\(method)", "error": "\(error)"])
        let reason = error.errorCode ?? error.code.rawValue
        return try await begin(method) {
            try await store.change(to: method, because: reason, for: record, on: $0)
        }
    }

    private func loadResults(of id: SalesforceID, _ expected: Int, _ record: ImportRecord) async throws {
        try await cell.withCellConnection { try await store.setExpectedRows(expected, for: record, on: $0) }
        try await BulkImport(
            bulk: BulkQuery(rest), jobID: id, loader: loader(record), settings: services.settings,
            gate: services.gate, job: job, notices: notices, logger: services.logger
        ).run()
    }
}
