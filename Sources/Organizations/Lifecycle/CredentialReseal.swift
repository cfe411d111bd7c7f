package import Cryptography
package import Jobs
internal import Logging
package import Postgres

/// Reseals with the current key what previous keys sealed, so that `SECRET_PREVIOUS` can be removed.
///
/// A refresh reseals tokens too, but some orgs are called seldom. A value that another process changes at the
/// same time is left unchanged.
package struct CredentialReseal: Sendable {
    /// The class of its job.
    package static let className = "ResealCredentials"

    /// The result of a run for one column.
    package struct Report: Sendable, Equatable {
        /// The values in the plural: `webhooks`.
        package let kind: String
        /// Values that were resealed with the current key.
        package var resealed = 0
        /// Needed values that no key of the ring opens, by the id of the key that they need.
        package var unreadable: [String: Int] = [:]
        /// Values that no key opens, and that end by themselves.
        package var ending = 0
    }

    private let pool: PostgresPool
    private let keys: KeyRing
    private let columns: [SealedColumn]

    /// - Parameter columns: all columns that `SECRET` seals.
    package init(pool: PostgresPool, keys: KeyRing, columns: [SealedColumn]) {
        self.pool = pool
        self.keys = keys
        self.columns = columns
    }

    /// Adds the job's class.
    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(3600), maximumAttempts: 5) { context in
            for report in try await run({ try context.checkClaim() }) {
                if report.resealed > 0 {
                    context.logger.notice(
                        "credentials resealed",
                        metadata: ["kind": "\(report.kind)", "count": "\(report.resealed)"])
                }
                for (key, count) in report.unreadable {
                    context.logger.error(
                        "could not reseal credentials: SECRET_PREVIOUS lacks their key",
                        metadata: ["kind": "\(report.kind)", "key": "\(key)", "count": "\(count)"])
                }
            }
            return .done
        }
    }

    /// Reseals all values that can be opened. Returns a report for each column. `check` runs between batches;
    /// it ends the run by throwing.
    package func run(_ check: () throws -> Void = {}) async throws -> [Report] {
        var reports: [Report] = []
        for column in columns { reports.append(try await reseal(column, check)) }
        if reports.allSatisfy(\.unreadable.isEmpty) {
            // A process that still has a removed key must not start and seal with it.
            try await pool.withConnection { connection in
                try await KeyCheckStore(on: connection).forget(except: keys.all.map(\.id.text))
            }
        }
        return reports
    }

    private func reseal(_ column: SealedColumn, _ check: () throws -> Void) async throws -> Report {
        var report = Report(kind: column.kind)
        var last = ""
        while true {
            let batch = try await pool.withConnection { [last] connection in
                try await SealedColumnStore(column, on: connection).outdated(
                    current: keys.current.id.text, after: last, limit: OrganizationsLimits.resealBatch)
            }
            guard let end = batch.last else { return report }
            for old in batch { try await reseal(old, of: column, &report) }
            last = end.row
            try check()
        }
    }

    private func reseal(
        _ old: SealedColumnStore.Outdated, of column: SealedColumn, _ report: inout Report
    ) async throws {
        let secret: Secret
        do {
            secret = try keys.open(old.sealed, context: old.context)
        } catch {
            switch old.need {
            case .lasting:
                report.unreadable[old.keyID, default: 0] += 1
                return
            case .passing:
                report.ending += 1
                return
            case .ended:
                // It is never opened again: an empty value needs no former key.
                secret = Secret([UInt8]())
            }
        }
        let sealed = try keys.seal(secret, context: old.context)
        let isDone = try await pool.withConnection { connection in
            try await SealedColumnStore(column, on: connection).reseal(old, with: sealed)
        }
        if isDone { report.resealed += 1 }
    }
}
