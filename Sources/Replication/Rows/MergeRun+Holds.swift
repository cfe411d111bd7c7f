internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

// Records that an open insert may have created.
extension MergeRun {
    /// Reads open inserts and held events, before the rows are locked: if an insert is settled meanwhile, its
    /// rows are found with their `sfid`.
    mutating func readOpen(_ groups: RowMerger.Groups) async throws {
        // Inserts of a mapping that became read-only may still be open.
        guard
            mapping.configuration.access == .readWrite
                || groups.changes.values.contains(where: { changes in
                    changes.isEmpty || changes.contains { $0.attempt != nil }
                })
        else { return }
        let holds = HeldChangeStore()
        let results = try await connection.pipeline([
            holds.selectOpenInserts(of: mapping), holds.select(groups.sfids, of: mapping.id),
        ])
        openInserts = try results[0].map(HeldChangeStore.openInsert)
        for row in results[1] { held[try row["sfid"], default: []].append(try HeldChangeStore.held(row)) }
    }

    /// Puts the held events of records that need not wait any more before the new ones. Returns their ids.
    mutating func release(to groups: inout RowMerger.Groups, _ sfids: [String]) -> [Int] {
        // A read comes after all events, so that it need not be ordered against them.
        guard source == .events, !held.isEmpty else { return [] }
        let open = Set(openInserts.map(\.id))
        var released: [Int] = []
        for sfid in sfids {
            guard let earlier = held[sfid] else { continue }
            let waits = earlier.contains { $0.change.attempt.map(open.contains) == true }
            guard rows[sfid] != nil || !waits else { continue }
            held[sfid] = nil
            groups.prepend(earlier.map(\.change), of: sfid)
            released += earlier.map(\.id)
        }
        return released
    }

    mutating func hold(_ changes: [RecordChange], _ released: [Int]) async throws {
        counts.held = changes.count
        var statements: [SQL] = []
        if !released.isEmpty { statements.append(HeldChangeStore().delete(released)) }
        if !changes.isEmpty, !PlantedFault.forgottenHold.isPlanted {
            statements.append(HeldChangeStore().insert(changes, of: mapping))
        }
        if !statements.isEmpty { _ = try await connection.pipeline(statements) }
    }
}
