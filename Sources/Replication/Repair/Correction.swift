internal import FoundationEssentials
internal import Postgres
internal import Salesforce

/// Has the differences of a comparison corrected: the tenant's lease holder reads the records again. Runs in
/// the session of the comparison.
struct Correction: Sendable {
    let subject: RepairSubject
    let read: OrgRead
    let differences: DifferenceStore
    /// An operator has agreed to remove many rows.
    var isConfirmed = false

    /// The number of rows that the read returned, and of records that the org counts.
    struct Evidence: Sendable {
        var summary: OrgRead.Summary
        var counts: ClosedRange<Int>?
        var appliedDuringRead: Int
    }

    /// Checks the guards, and puts the records into `rereads` in bounded batches.
    ///
    /// - Parameter evidence: nil if rows that the org lacks were not searched for.
    func apply(_ evidence: Evidence?, on connection: PostgresConnection) async throws -> RepairStore.Result {
        let found = try await differences.counts(on: connection)
        var result = RepairStore.Result(
            rows: try await differences.rowsHere(on: connection).withRecord,
            missingHere: found[.missingHere, default: 0], missingThere: found[.missingThere, default: 0],
            different: found[.values, default: 0])
        var findings = RepairPlan.Findings(
            rowsHere: result.rows, missingHere: result.missingHere, missingThere: result.missingThere,
            different: result.different, isConfirmed: isConfirmed)
        if let evidence {
            findings.rowsThere = evidence.summary.rows
            findings.processed = evidence.summary.processed
            findings.counts = evidence.counts
            findings.appliedDuringRead = evidence.appliedDuringRead
            if result.missingThere > 0 { findings.hasViewAll = try await subject.hasViewAll(read.rest) }
        }
        let plan = RepairPlan(findings)
        var removed = 0
        switch plan.removals {
        case .none: break
        case .retrieve: removed = try await retrieve(on: connection)
        case .withheld(.tooMany(_, let allowed)) where read.filter != nil:
            let (unmatched, lacking) = try await sortOut(on: connection)
            result.missingThere = unmatched + lacking
            if lacking <= allowed {
                removed = lacking
            } else {
                result.withheld = "\(RepairPlan.Reason.tooMany(rows: lacking, allowed: allowed))"
                result.isConfirmable = true
            }
        case .withheld(let reason):
            result.withheld = "\(reason)"
            result.isConfirmable = reason.isConfirmable
        }
        if plan.removals == .retrieve { result.missingThere = removed }
        switch plan.corrections {
        case .none, .reread: result.requested = try await request([.missingHere, .values], on: connection)
        case .reload:
            try await differences.requestReload(on: connection)
            result.isReloaded = true
        }
        // The table refused these rows before. Their cause may be gone.
        result.requested += try await request([.quarantined], on: connection)
        result.requested += try await request([.unmatched], on: connection)
        if removed > 0 { result.requested += try await request([.missingThere], on: connection) }
        return result
    }

    /// Retrieves the ids that the read did not return. Ids that the org has after all are no differences.
    /// Returns how many it lacks.
    private func retrieve(on connection: PostgresConnection) async throws -> Int {
        var last = ""
        var lacking = 0
        while true {
            let ids = try await differences.ids(
                [.missingThere], after: last, limit: RepairLimits.idsPerQuery, on: connection)
            guard let next = ids.last else { return lacking }
            let found = try await existing(ids, filter: read.filter)
            try await differences.mark(found, as: .kept, on: connection)
            lacking += ids.count - found.count
            last = next
        }
    }

    /// Retrieves the ids that a filtered read did not return, with the filter and without. Records that only
    /// the filter leaves out exist and are visible, so many of them are no sign of a wrong read. Returns how
    /// many they are, and how many ids the org lacks.
    private func sortOut(on connection: PostgresConnection) async throws -> (unmatched: Int, lacking: Int) {
        var last = ""
        var (unmatched, lacking) = (0, 0)
        while true {
            let ids = try await differences.ids(
                [.missingThere], after: last, limit: RepairLimits.idsPerQuery, on: connection)
            guard let next = ids.last else { return (unmatched, lacking) }
            let found = try await existing(ids, filter: read.filter)
            try await differences.mark(found, as: .kept, on: connection)
            let others = Array(Set(ids).subtracting(found))
            let left = try await existing(others, filter: nil)
            try await differences.mark(left, as: .unmatched, on: connection)
            unmatched += left.count
            lacking += others.count - left.count
            last = next
        }
    }

    private func existing(_ ids: [String], filter: String?) async throws -> [String] {
        let retrieval = OrgRead(
            rest: read.rest, objectName: read.objectName, filter: filter, sources: ["Id"],
            settings: read.settings, check: read.check)
        var found: [String] = []
        try await retrieval.readRecords(ids) { source in
            var text: [UInt8] = []
            while let chunk = try await source() { text += chunk }
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst()
            found += lines.map { $0.filter { $0 != "\"" } }
            return lines.count
        }
        return found
    }

    private func request(
        _ kinds: [ComparisonStore.Kind], on connection: PostgresConnection
    ) async throws -> Int {
        var last = ""
        var requested = 0
        while let batch = try await differences.request(kinds, after: last, on: connection) {
            try read.check()
            last = batch.last
            requested += batch.records
        }
        return requested
    }
}
