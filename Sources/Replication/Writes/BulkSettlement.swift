internal import Salesforce

/// The outcome of a Bulk job whose end was not seen.
struct BulkSettlement: Sendable {
    let bulk: BulkIngest
    let keyField: String?

    /// No verdicts while the job runs. A job that has not started is aborted. Throws `.notFound` for a job
    /// that was deleted.
    func verdicts(
        of id: SalesforceID, _ records: [PreparedRecord]
    ) async throws -> [Int: SettlementRule.Verdict] {
        var job = try await bulk.job(id)
        if job.state == .open {
            try await bulk.abort(id)
            job = try await bulk.job(id)
            if job.state == .aborted {
                var verdicts: [Int: SettlementRule.Verdict] = [:]
                for record in records { verdicts[record.entryID] = .absent }
                return verdicts
            }
        }
        guard job.state.isFinal else { return [:] }
        return try await results(of: job, records)
    }

    private func results(
        of job: IngestJob, _ records: [PreparedRecord]
    ) async throws -> [Int: SettlementRule.Verdict] {
        let entries = Dictionary(
            records.compactMap { record in
                (record.key ?? record.sfid).map { ($0, record.entryID) }
            }, uniquingKeysWith: { first, _ in first })
        var verdicts: [Int: SettlementRule.Verdict] = [:]
        for set in BulkIngest.ResultSet.allCases {
            try await bulk.results(of: job.id, set) { rows in
                for row in rows {
                    guard let name = (keyField.flatMap { row[$0] }) ?? row["Id"] ?? row.id,
                        let entry = entries[name]
                    else { continue }
                    verdicts[entry] =
                        switch set {
                        case .successful: .written(sfid: row.id ?? row["Id"])
                        case .failed:
                            row.error.map {
                                .refused(WriteProblem($0.code, $0.message, fields: $0.fields))
                            } ?? .undecided
                        case .unprocessed: .absent
                        }
                }
            }
        }
        for record in records where verdicts[record.entryID] == nil { verdicts[record.entryID] = .undecided }
        return verdicts
    }
}
