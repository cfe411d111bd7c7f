package import FoundationEssentials
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Compares all mapped fields of a tenant's objects with the org, for `multiconnect verify`.
package struct Verifier: Sendable {
    /// What to do about differences.
    package enum Repair: Sendable, Equatable {
        case none
        /// Has the records read again.
        case request
        /// The same, and an operator agrees to remove many rows.
        case confirmed
    }

    private let services: ReplicationServices
    private let settle: Duration

    /// - Parameter settle: the wait before rows that changed during the read are compared a second time.
    package init(_ services: ReplicationServices, settle: Duration = RepairLimits.settleTime) {
        self.services = services
        self.settle = settle
    }

    /// The imported mappings of a tenant, sorted by object.
    ///
    /// - Parameter object: an object's name in any case, as the mapping or the org has it. Nil: all.
    package func mappings(of organization: UUID, object: String?) async throws -> [Mapping] {
        let wanted = object?.lowercased()
        return try await services.control.withConnection { connection in
            let tenant = Tenant(try await OrganizationStore(on: connection).get(id: organization))
            return try await MappingStore().mappings(of: tenant.connectionID, on: connection)
        }.filter { mapping in
            guard let wanted else { return mapping.isImported }
            return services.settings.resolver.candidates(mapping.objectName).contains {
                $0.lowercased() == wanted
            }
        }
    }

    /// Compares one object. Nil if it is not imported or the org has no such object.
    package func verify(_ mapping: Mapping, repair: Repair = .none) async throws -> Verification? {
        let (tenant, mapping) = try await RepairSubject.load(mapping.id, services)
        guard tenant.work != .over else { throw tenant.refusal }
        guard let subject = try await RepairSubject(tenant, mapping, services) else { return nil }
        let running = try await subject.cell.withCellConnection {
            try await RunningReadStore().begin(mapping.id, on: $0)
        }
        do {
            let verification = try await verify(subject, running, repair)
            try await end(running, subject)
            try await services.control.withConnection {
                try await MappingStore().note(
                    RowCounts(here: verification.rowsHere, there: verification.rowsThere), of: mapping.id,
                    on: $0)
            }
            return verification
        } catch {
            try? await end(running, subject)
            throw error
        }
    }

    private func end(_ running: RunningReadStore.Read, _ subject: RepairSubject) async throws {
        try await subject.cell.withCellConnection { try await RunningReadStore().end(running.id, on: $0) }
    }

    private func verify(
        _ subject: RepairSubject, _ running: RunningReadStore.Read, _ repair: Repair
    ) async throws -> Verification {
        let whole = subject.compared(nil, rule: .values)
        var verification = Verification(objectName: subject.synced.plan.objectName, table: whole.name)
        verification.columnsCompared = whole.columns.count
        verification.lostColumns = subject.synced.storedColumns.map(\.name)
            .filter { subject.shape.types[$0] == nil }.sorted()
        verification.columnsLeftOut = subject.synced.pausedColumns.merging(
            verification.lostColumns.map { ($0, SyncedTable.lostReason) }
        ) { first, _ in first }
        return try await subject.cell.withCellConnection { connection in
            try await ComparisonStore.reset(on: connection)
            var evidence: Correction.Evidence?
            var comparison: TableComparison?
            for (part, table) in whole.parts.enumerated() {
                let read = subject.read(table, for: .verify) { try Task.checkCancellation() }
                let current = TableComparison(
                    subject: subject, table: table, read: read, startedAt: running.startedAt, part: part)
                let summary = try await load(current, running, on: connection)
                try await current.verify(settle: settle, on: connection)
                try await describeColumns(of: table, in: &verification, on: connection)
                guard part == 0 else { continue }
                evidence = try await current.evidence(summary.read, summary.count, on: connection)
                comparison = current
                verification.rowsThere = summary.read.rows
            }
            guard let comparison, let evidence else { return verification }
            try await describeRows(of: comparison.table, in: &verification, on: connection)
            if repair != .none, !verification.needsNoRepair {
                try await correct(comparison, evidence, repair, &verification, on: connection)
            }
            try await ComparisonStore.drop(on: connection)
            return verification
        }
    }

    private func load(
        _ comparison: TableComparison, _ running: RunningReadStore.Read, on connection: PostgresConnection
    ) async throws -> (read: OrgRead.Summary, count: Int?) {
        let read = comparison.read
        let count = try await read.count()
        var job: BulkJob?
        if try read.method(records: count) == .bulk, let id = try await read.createBulkJob() {
            job = try await read.wait(for: id, budget: RepairLimits.jobTimeout)
            guard job != nil else {
                throw ReplicationError(.bulkJobLost, "the Bulk job \(id) takes longer than two hours")
            }
        }
        let summary = try await comparison.load(job, on: connection) {
            try await RunningReadStore().renew(running.id, on: connection)
        }
        if let job { await read.delete(job.id) }
        return (summary, count)
    }

    private func describeColumns(
        of table: ComparedTable, in verification: inout Verification, on connection: PostgresConnection
    ) async throws {
        let store = DifferenceStore(table: table)
        let known = Set(verification.columns.map(\.name))
        for column in try await store.columns(on: connection) where !known.contains(column.name) {
            let examples = try await store.examples(of: column.name, on: connection)
            verification.columns.append(
                Verification.Column(
                    name: column.name, rows: column.rows,
                    examples: examples.map { Verification.Example(id: $0.id, here: $0.here, there: $0.there) }
                ))
        }
    }

    private func describeRows(
        of table: ComparedTable, in verification: inout Verification, on connection: PostgresConnection
    ) async throws {
        let store = DifferenceStore(table: table)
        let counts = try await store.counts(on: connection)
        (verification.rowsHere, verification.rowsWithoutRecord) = try await store.rowsHere(on: connection)
        if verification.rowsWithoutRecord > 0, table.mapping.configuration.access == .readWrite {
            verification.rowsWithoutChange = try await store.rowsWithoutChange(on: connection)
        }
        func missing(_ kind: ComparisonStore.Kind) async throws -> Verification.Missing {
            Verification.Missing(
                rows: counts[kind, default: 0],
                examples: try await store.ids([kind], limit: RepairLimits.examples, on: connection))
        }
        verification.missingHere = try await missing(.missingHere)
        verification.missingThere = try await missing(.missingThere)
        verification.invalidIDs = try await missing(.invalid)
        verification.localChanges = counts[.local, default: 0]
        (verification.nulledCells, verification.quarantinedRows) = try await store.refused(on: connection)
    }

    private func correct(
        _ comparison: TableComparison, _ evidence: Correction.Evidence, _ repair: Repair,
        _ verification: inout Verification, on connection: PostgresConnection
    ) async throws {
        let result = try await Correction(
            subject: comparison.subject, read: comparison.read,
            differences: DifferenceStore(table: comparison.table), isConfirmed: repair == .confirmed
        ).apply(evidence, on: connection)
        verification.requested = result.requested
        verification.isReloaded = result.isReloaded
        verification.withheld = result.withheld
        verification.isConfirmable = result.isConfirmable
    }

    /// Waits until the records that were requested are read again, at most `limit`. False if some still wait.
    package func waitForCorrections(
        of mapping: Mapping, limit: Duration = RepairLimits.repairWait
    ) async throws -> Bool {
        let (tenant, mapping) = try await RepairSubject.load(mapping.id, services)
        let cell = try services.cell(of: tenant)
        let requested = try await cell.withCellConnection { try await RunningReadStore().clock(on: $0) }
        let deadline = ContinuousClock.now + limit
        while try await cell.withCellConnection({
            try await RepairStore().isWaiting(mapping.id, since: requested, on: $0)
        }) {
            guard .now < deadline else { return false }
            try await Task.sleep(for: RepairLimits.repairPoll)
        }
        return true
    }
}
