package import Cryptography
internal import FoundationEssentials
package import Jobs
internal import Logging
package import Postgres
internal import Salesforce

/// Seals again with the current key what previous keys sealed, so that `SECRET_PREVIOUS` can be removed.
///
/// Tokens of orgs that are asked seldom would keep their old seal for ever. Runs beside everything else: a
/// token that is replaced meanwhile keeps what replaced it.
package struct CredentialReseal: Sendable {
    /// The class of its job.
    package static let className = "ResealCredentials"

    /// What became of the seals.
    package struct Report: Sendable, Equatable {
        /// Tokens and verifiers that have the current key's seal now.
        package var resealed = 0
        /// Tokens that no key of the ring opens, by the key that they need.
        package var unreadable: [String: Int] = [:]
    }

    private let pool: PostgresPool
    private let keys: KeyRing

    package init(pool: PostgresPool, keys: KeyRing) {
        self.pool = pool
        self.keys = keys
    }

    /// Adds the job's class.
    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(3600), maximumAttempts: 5) { context in
            let report = try await run { try context.checkClaim() }
            if report.resealed > 0 {
                context.logger.notice("credentials resealed", metadata: ["count": "\(report.resealed)"])
            }
            for (key, count) in report.unreadable {
                context.logger.error(
                    "credentials cannot be resealed: SECRET_PREVIOUS lacks their key",
                    metadata: ["key": "\(key)", "count": "\(count)"])
            }
            return .done
        }
    }

    /// Seals everything that can be opened. `check` is asked between batches, and may end it.
    package func run(_ check: () throws -> Void = {}) async throws -> Report {
        var report = Report()
        var last: UUID?
        while true {
            let batch = try await pool.withConnection { [last] connection in
                try await CredentialStore(on: connection).outdated(
                    keyID: keys.current.id.text, after: last, limit: OrganizationsLimits.resealBatch)
            }
            guard let end = batch.last?.organization else { break }
            try await reseal(batch, &report)
            last = end
            try check()
        }
        try await resealVerifiers(&report)
        if report.unreadable.isEmpty {
            // A process that still has a key from before the ring must not start and seal with it.
            try await pool.withConnection { connection in
                try await KeyCheckStore(on: connection).forget(except: keys.all.map(\.id.text))
            }
        }
        return report
    }

    private func reseal(_ batch: [CredentialStore.Outdated], _ report: inout Report) async throws {
        for old in batch {
            let context = SealContext(organizationID: old.organizationID.text, purpose: old.kind)
            let secret: Secret
            do {
                secret = try keys.open(old.sealed, context: context)
            } catch {
                guard old.isRevoked else {
                    report.unreadable[old.keyID, default: 0] += 1
                    continue
                }
                // Nobody will open it: Salesforce does not accept it any more.
                secret = Secret([UInt8]())
            }
            let sealed = try keys.seal(secret, context: context)
            let isDone = try await pool.withConnection { connection in
                try await CredentialStore(on: connection).reseal(old, with: sealed)
            }
            if isDone { report.resealed += 1 }
        }
    }

    /// Consents under way last for minutes, but an admin who has just logged in should not have to begin again.
    private func resealVerifiers(_ report: inout Report) async throws {
        let outdated = try await pool.withConnection { connection in
            try await ConsentStore(on: connection).outdated(keyID: keys.current.id.text)
        }
        for old in outdated {
            let context = Consent.verifierContext(old.stateHash)
            guard let verifier = try? keys.open(old.verifier, context: context) else { continue }
            let sealed = try keys.seal(verifier, context: context)
            try await pool.withConnection { connection in
                try await ConsentStore(on: connection).reseal(old, with: sealed.bytes)
            }
            report.resealed += 1
        }
    }
}
