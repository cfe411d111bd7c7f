internal import FoundationEssentials
package import Postgres
package import Salesforce
package import TenantSchema

/// The effect of a changed mapping on its table and its rows, before it is applied.
package struct MappingPlan: Sendable, Equatable {
    /// One effect, as text for operators.
    package struct Effect: Sendable, Equatable {
        /// The kind of effect.
        package enum Kind: String, Sendable, Hashable {
            /// Something new: a table, a column, an index.
            case adds
            /// Something is not used any more.
            case removes
            case changes
            /// Records are read from the org.
            case reads
            /// A part of the mapping that is not synced.
            case warns
            /// The change would fail.
            case refuses
        }

        package var kind: Kind
        package var text: String

        package init(_ kind: Kind, _ text: String) {
            self.kind = kind
            self.text = text
        }
    }

    package var change: MappingChange
    package var effects: [Effect]

    package init(change: MappingChange, effects: [Effect]) {
        self.change = change
        self.effects = effects
    }

    /// True if the worker would refuse the change.
    package var isRefused: Bool { effects.contains { $0.kind == .refuses } }
}

/// Plans changes of a tenant's mappings as `MappingImporter` makes them, and makes none.
package struct MappingPreview: Sendable {
    private let tenant: Tenant
    private let cell: PostgresPool
    private let rest: RESTClient
    private let resolver: NameResolver

    package init(tenant: Tenant, cell: PostgresPool, rest: RESTClient, resolver: NameResolver) {
        self.tenant = tenant
        self.cell = cell
        self.rest = rest
        self.resolver = resolver
    }

    /// Asks the org for the object, and the cell for the table.
    ///
    /// - Parameter all: the tenant's mappings.
    package func plan(_ change: MappingChange, among all: [Mapping]) async throws -> MappingPlan {
        let name = change.entry.objectName.lowercased()
        let existing = all.first { $0.objectName.lowercased() == name }
        var mapping =
            existing
            ?? Mapping(
                id: UUID(), organizationID: tenant.id, connectionID: tenant.connectionID,
                objectName: change.entry.objectName, configuration: change.entry.configuration,
                state: .initial)
        mapping.configuration = change.entry.configuration
        let found = try await ObjectLookup(rest: rest, resolver: resolver).plan(mapping)
        guard found.isUsable, let fresh = found.plan else {
            let text = found.problems.first?.message ?? "the org has no object \(mapping.objectName)"
            return MappingPlan(change: change, effects: [.init(.refuses, text)])
        }
        var effects = try await check(mapping, fresh, all, isNew: existing?.isImported != true)
        effects += Self.refusals(of: change.entry.configuration, fresh, replacing: existing?.configuration)
        if let existing, existing.isImported {
            effects += existing.configuration.effects(of: change.entry.configuration).map {
                .init(.changes, $0)
            }
            effects += try await alteration(of: mapping, to: fresh, replacing: existing.configuration)
        } else if !effects.contains(where: { $0.kind == .refuses }),
            try await TableAdoption(tenant: tenant, cell: cell).isNeeded(for: fresh, of: mapping.id)
        {
            let text =
                "merges all records of \(fresh.objectName) into the table \(fresh.table), which has records"
            effects.append(.init(.reads, text))
        } else if existing == nil {
            effects.append(
                .init(.adds, "creates the table \(fresh.table) with \(fresh.columns.count) columns"))
            effects.append(.init(.reads, "imports all records of \(fresh.objectName)"))
        } else {
            effects.append(.init(.reads, "the import of \(fresh.objectName) begins again"))
        }
        effects += fresh.problems.map { .init(.warns, $0.message) }
        return MappingPlan(change: change, effects: effects)
    }

    /// A unique identifier that is not mapped, or that Salesforce does not accept as one.
    private static func refusals(
        of new: MappingConfiguration, _ fresh: TablePlan, replacing old: MappingConfiguration?
    ) -> [MappingPlan.Effect] {
        if let problem = new.identifierProblem(replacing: old) { return [.init(.refuses, problem)] }
        guard let old else { return [] }
        return new.refused(fresh.problems, replacing: old).filter { $0.kind == .unsuitableIdentifier }
            .map { .init(.refuses, "upsert_field: \($0.message)") }
    }

    /// Reasons for which a worker would refuse the change.
    private func check(
        _ mapping: Mapping, _ fresh: TablePlan, _ all: [Mapping], isNew: Bool
    ) async throws -> [MappingPlan.Effect] {
        var effects: [MappingPlan.Effect] = []
        if let filter = fresh.filter {
            do {
                try await FilterCheck(rest: rest).check(filter, of: fresh.objectName)
            } catch let error as ReplicationError where error.code == .invalidFilter {
                effects.append(.init(.refuses, error.message))
            }
        }
        guard isNew else { return effects }
        if let owner = mapping.tableOwner(among: all, resolver) {
            effects.append(.init(.refuses, "the mapping \(owner.objectName) has the same table"))
        }
        do {
            try await TenantDatabase(tenant: tenant, pool: cell).checkUnobstructed(fresh)
        } catch let error as ReplicationError where error.code == .tableObstructed {
            effects.append(.init(.refuses, error.message))
        }
        return effects
    }

    private func alteration(
        of mapping: Mapping, to fresh: TablePlan, replacing old: MappingConfiguration
    ) async throws -> [MappingPlan.Effect] {
        let stored = try await cell.withCellConnection {
            try await SyncedTableStore().table(of: mapping, on: $0)
        }
        guard let stored else {
            return [
                .init(.changes, "the worker compares the table with the mapping when it applies the change")
            ]
        }
        let drift = try await TableAlteration(cell: cell, tenant: tenant, resolver: resolver) { _ in }
            .drift(of: stored, to: fresh)
        var effects: [MappingPlan.Effect] = drift.added.map {
            drift.kept.contains($0.name)
                ? .init(.reads, "keeps the column \($0.name), which the table has already")
                : .init(.adds, "adds the column \($0.name) \($0.type.sql)")
        }
        effects += drift.lost.map {
            .init(.adds, "creates the column \($0.name) again, which somebody dropped, and fills it")
        }
        effects += drift.removed.map {
            .init(.removes, "stops reading the column \($0), which keeps its values")
        }
        effects += drift.widenings.map {
            .init(.changes, "changes the column \($0.column) to \($0.type.sql)")
        }
        let new = mapping.configuration
        if old.isNumeric != new.isNumeric || old.numericFields != new.numericFields {
            effects += fresh.columns.filter { field in
                field.type == .doublePrecision
                    && drift.plan.columns.contains { $0.name == field.name && $0.type == .numeric }
            }.map {
                .init(
                    .warns, "the column \($0.name) stays numeric: drop it, and it is created and filled again"
                )
            }
        }
        effects += drift.addedIndexes.map { .init(.adds, "builds the index \($0.name)") }
        effects += drift.droppedIndexes.map { .init(.removes, "drops the index \($0.name)") }
        effects += drift.resumed.map { .init(.reads, "reads the column \($0) again") }
        effects += drift.newlyPaused.sorted { $0.key < $1.key }.map {
            .init(.warns, "stops reading the column \($0.key): \($0.value)")
        }
        if !drift.backfill.isEmpty {
            let columns = drift.backfill.joined(separator: ", ")
            effects.append(.init(.reads, "fills \(columns) in all rows from the org (back-fill)"))
        }
        return effects
    }
}
