internal import Activity
internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import Synchronization
internal import TenantSchema

// What operators see of a tenant whose work waits or cannot be done.
extension SyncSession {
    /// Checks that the tenant's schema is complete. Ends the troubles whose cause is gone.
    func checkHealth() async throws {
        let mapped = state.withLock { state in
            state.due.advance(.health, to: .now + services.pace.healthInterval)
            return state.tables.values.map(\.plan.table)
        }
        let missing = try await cell.withCellConnection {
            try await SchemaHealthStore().missingTables(of: tenant.schema, mapped: mapped, on: $0)
        }
        let trouble = TenantTrouble(control: services.replication.control)
        if missing.isEmpty {
            try await trouble.end(.tables, of: organization)
        } else {
            try await trouble.begin(
                .tables, of: organization,
                because:
                    "the schema \(tenant.schema) lacks \(missing.joined(separator: ", ")): restore them, "
                    + "or run `multiconnect organizations retry \(tenant.orgID)`")
        }
        try await noteIncomplete()
        try await noteRefused()
        // The work has run until now.
        try await trouble.end(.work, of: organization)
        services.troubles.clear(organization)
    }

    /// The positions of imported tables.
    func positions(of tables: [SyncedTable]) async throws -> [UUID: ChangeStore.Position] {
        let read = {
            try await self.cell.withCellConnection {
                try await ChangeStore().positions(of: self.organization, on: $0)
            }
        }
        let positions = try await read()
        let lost = tables.filter { positions[$0.mapping.id] == nil }
        guard !lost.isEmpty else { return positions }
        try await restorePositions(of: lost)
        return try await read()
    }

    /// Gives imported tables a position whose own is lost, perhaps because a database was restored. Their
    /// rows are read again, because nothing says since when changes are missing.
    private func restorePositions(of tables: [SyncedTable]) async throws {
        let now = Date() - ReplicationLimits.clockMargin
        try await fenced { connection in
            for mapping in tables.map(\.mapping) {
                try await ImportStore().setPosition(of: mapping, now, on: connection)
                try await DriftStore().requestReload(of: mapping.id, because: "position_lost", on: connection)
            }
        }
        let objects = tables.map(\.plan.objectName).sorted().joined(separator: ", ")
        await notify(
            ChangeNotification.positionLost,
            "the time up to which changes were read is lost for \(objects), perhaps because a database was "
                + "restored: all their records are read again")
    }

    /// Has the schema of tables checked that lack columns, triggers or the index of `sfid`: the check creates
    /// them.
    private func noteIncomplete() async throws {
        let tables = state.withLock { Array($0.tables.values) }
        let (lost, keyless, uncaptured) = try await cell.withCellConnection { connection in
            let store = SchemaHealthStore()
            return (
                try await store.lostColumns(of: tables, on: connection),
                try await store.withoutKey(tables, on: connection),
                try await store.uncaptured(tables, on: connection)
            )
        }
        try await noteDisabled(tables.filter { uncaptured.disabled.contains($0.mapping.id) })
        let other = keyless.union(uncaptured.lost)
        let incomplete = tables.filter { lost[$0.mapping.id] != nil || other.contains($0.mapping.id) }
        guard !incomplete.isEmpty else { return }
        // The other columns are read meanwhile.
        if !lost.isEmpty { state.withLock { $0.due.advance(.tables, to: .now) } }
        suspect(Set(incomplete.map(\.plan.objectName)))
    }

    /// Shows tables whose triggers somebody has disabled, perhaps for a moment: that is not undone.
    private func noteDisabled(_ tables: [SyncedTable]) async throws {
        let names = tables.map(\.plan.table).sorted()
        let wasDisabled = state.withLock { state in
            defer { state.disabledCapture = names }
            return state.disabledCapture
        }
        guard names != wasDisabled else { return }
        try await services.replication.control.withConnection { connection in
            let store = NotificationStore(on: connection)
            // The first look does not know the tables of an open notification.
            if names.isEmpty || wasDisabled != nil {
                try await store.resolve([ChangeNotification.captureDisabled], organization: organization)
            }
            guard !names.isEmpty else { return }
            try await store.addOnce(
                ChangeNotification.captureDisabled, organization: organization,
                message:
                    "triggers are disabled, so that users' changes are not captured: enable the triggers of "
                    + names.joined(separator: ", "))
        }
    }

    /// Shows the number of records that the tables refuse, and notifies of the first one.
    private func noteRefused() async throws {
        let tables = state.withLock { Array($0.tables.values) }
        let counts = try await cell.withCellConnection {
            try await RefusedRowStore.counts(of: organization, on: $0)
        }
        for mapping in tables.map(\.mapping) {
            let count = counts[mapping.id, default: 0]
            let wasRefusing = state.withLock { $0.refusing.contains(mapping.id) } || mapping.quarantined > 0
            guard count > 0 || wasRefusing else { continue }
            try await RefusedRowNotice(control: services.replication.control, mapping: mapping).note(count)
            state.withLock { state in
                if count > 0 {
                    state.refusing.insert(mapping.id)
                } else {
                    state.refusing.remove(mapping.id)
                }
            }
        }
    }

    /// Reads the API calls of mappings that have a maximum.
    func readCaps() async throws {
        let tables = state.withLock { Array($0.tables.values) }
        try await CallCaps(
            control: services.replication.control, sessions: services.replication.sessions
        ).refresh(tables.map { ($0.mapping, $0.plan.objectName) }, of: organization)
        // A refused poll sends nothing, so those that wait are tried.
        state.withLock { state in for id in state.waits { state.due.advance(.poll(id), to: .now) } }
        wake.set()
        guard tables.contains(where: { $0.mapping.configuration.maximumDailyCalls != nil }) else { return }
        state.withLock { $0.due.advance(.caps, to: .now + services.pace.capInterval) }
    }

    /// Shows that a mapping's polls wait. Returns a pause if the org was asked for its use of the API, so
    /// that the poll is tried again soon.
    func noteWait(_ wait: CallWait, of mapping: Mapping) async -> Duration? {
        do {
            var pause: Duration?
            if wait == .allowance, try await services.replication.sessions.learnUse(of: organization) {
                pause = ReplicationLimits.firstPollPause
            }
            state.withLock { _ = $0.waits.insert(mapping.id) }
            try await MappingWaits(control: services.replication.control).begin(wait, of: mapping)
            return pause
        } catch {
            logger.debug("could not show that polls wait", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Ends the wait of a mapping that was polled. The first poll also ends a wait that another worker has
    /// shown.
    func endWait(of mapping: Mapping) async {
        let mayWait = state.withLock { state in
            state.waits.remove(mapping.id) != nil || state.polled.insert(mapping.id).inserted
        }
        guard mayWait else { return }
        do {
            try await MappingWaits(control: services.replication.control).end(of: mapping)
        } catch {
            logger.debug("could not end wait of mapping", metadata: ["error": "\(error)"])
        }
    }
}
