internal import Activity
internal import Encoding
internal import FoundationEssentials
internal import Jobs
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

// The steps of a reload that differ from those of an import: the table has rows, and changes are applied to
// it.
extension ImportRun {
    var kind: ImportRecord.Kind { reload == nil ? .initial : .reload }

    /// Merges into a table that has rows.
    ///
    /// - Parameter time: the cell's clock.
    mutating func take(over table: SyncedTable, since time: Date) {
        reload = table
        self.table = table.plan
        plan = ImportPlan(table.plan, ddl: ddl, columns: Set(table.selectedColumns.map(\.name)))
        timeMark = time
    }

    /// Opens a reload. Its running read keeps the changes that are applied from now on.
    func openReload() async throws -> ImportRecord {
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            let record = try await ImportStore().begin(
                mapping, tenant: tenant, plan: table, timeMark: timeMark, claim: claim, kind: kind,
                on: connection)
            try await ReloadStore().beginRead(record.id, of: mapping.id, on: connection)
            try await job.confirmClaim()
            return record
        }
    }

    /// Keeps the running read alive. False if it is lost, so that the reload must begin again.
    func renewRead(_ record: ImportRecord) async throws -> Bool {
        try await cell.withCellConnection { try await ReloadStore().renewRead(record.id, on: $0) }
    }

    /// Keeps the rows that are merged already.
    func discardReload(_ record: ImportRecord) async throws {
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await ImportStore().discard(record, on: connection)
            try await ReloadStore().discard(record.id, on: connection)
        }
    }

    /// Requests the records that the reload did not read, unless they are suspiciously many, and closes the
    /// reload.
    func finish(
        _ record: ImportRecord, reloading table: SyncedTable, _ expected: Int
    ) async throws -> ImportResult {
        let progress = try await cell.withCellConnection {
            try await ImportStore().progress(of: record.id, on: $0)
        }
        let store = ReloadStore()
        if table.plan.filter != nil { try await requestUnmatched(record, in: table) }
        let missing = try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
            connection in
            try await ImportStore().hold(record, on: connection)
            let missing = try await store.missing(
                record.id, in: table, since: record.timeMark, on: connection)
            if missing.rows > 0, !missing.isSuspicious, !PlantedFault.reloadKeepsDeleted.isPlanted {
                try await store.requestMissing(
                    record.id, in: table, since: record.timeMark, on: connection)
            }
            try await ImportStore().setExpectedRows(expected, for: record, on: connection)
            try await ImportStore().close(record, on: connection)
            try await store.finish(
                record.id, of: mapping.id, since: record.timeMark, columns: plan.columns, on: connection)
            return missing
        }
        if missing.isSuspicious { try await note(missing) }
        return ImportResult(
            rowsLoaded: progress.rows, rowsQuarantined: progress.quarantined, rowsInTable: missing.total,
            timeMark: record.timeMark)
    }

    /// Requests rows whose records the org has and the mapping's filter leaves out, however many they are: a
    /// read without the filter returns them, so they are neither hidden from the user nor cut off. The lease
    /// holder reads them with the filter and removes those that do not match.
    private func requestUnmatched(_ record: ImportRecord, in table: SyncedTable) async throws {
        let store = ReloadStore()
        let missing = try await cell.withCellConnection {
            try await store.missing(record.id, in: table, since: record.timeMark, on: $0)
        }
        // Few missing rows are requested in any case.
        guard missing.isSuspicious else { return }
        var last = ""
        while true {
            try job.checkClaim()
            guard try await renewRead(record) else {
                throw ReplicationError(.claimLost, "the running read of the reload is lost")
            }
            let ids = try await cell.withCellConnection { [last] in
                try await store.missingRecords(
                    record.id, in: table, since: record.timeMark, after: last,
                    limit: ReplicationLimits.unmatchedBatch, on: $0)
            }
            guard let next = ids.last else { return }
            last = next
            // Other texts are no ids of records.
            let known = ids.filter(SalesforceID.isCanonical)
            let found = try await rest.records(known, fields: ["Id"], of: plan.objectName)
                .compactMap { $0["Id"]?.string }
            try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
                try await ImportStore().hold(record, on: connection)
                try await store.noteUnmatched(found, by: record.id, of: table.mapping, on: connection)
            }
        }
    }

    private func note(_ missing: ReloadStore.Missing) async throws {
        try await services.control.transaction { connection in
            _ = try await OrganizationStore(on: connection).lock(id: mapping.organizationID)
            try await NotificationStore(on: connection).update(
                "rows_missing", organization: mapping.organizationID, subject: mapping.objectName,
                message:
                    "a reload did not return \(missing.rows) of \(missing.total) rows, and they stay: "
                    + "check the user's rights, then run "
                    + "`multiconnect verify \(tenant.orgID) \(mapping.objectName) --repair --confirm`"
            )
        }
    }
}
