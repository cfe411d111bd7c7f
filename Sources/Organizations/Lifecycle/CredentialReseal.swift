package import Cryptography
internal import FoundationEssentials
package import Jobs
internal import Logging
package import Postgres
internal import Salesforce

/// Reseals with the current key what previous keys sealed, so that `SECRET_PREVIOUS` can be removed.
///
/// A refresh reseals tokens too, but some orgs are called seldom. A token that another process changes at the
/// same time is left unchanged.
package struct CredentialReseal: Sendable {
    /// The class of its job.
    package static let className = "ResealCredentials"

    /// The result of a run.
    package struct Report: Sendable, Equatable {
        /// Tokens and verifiers that were resealed with the current key.
        package var resealed = 0
        /// Tokens that no key of the ring opens, by the id of the key that they need.
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
                    "could not reseal credentials: SECRET_PREVIOUS lacks their key",
                    metadata: ["key": "\(key)", "count": "\(count)"])
            }
            return .done
        }
    }

    /// Reseals all tokens and verifiers that can be opened. `check` runs between batches; it ends the run by
    /// throwing.
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
        try await resealReaders(&report)
        try await resealLogins(&report)
        try await resealSessions(&report, check)
        if report.unreadable.isEmpty {
            // A process that still has a removed key must not start and seal with it.
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
                // A revoked token is never opened again: seal an empty one.
                secret = Secret([UInt8]())
            }
            let sealed = try keys.seal(secret, context: context)
            let isDone = try await pool.withConnection { connection in
                try await CredentialStore(on: connection).reseal(old, with: sealed)
            }
            if isDone { report.resealed += 1 }
        }
    }

    private func resealReaders(_ report: inout Report) async throws {
        let outdated = try await pool.withConnection { connection in
            try await ReaderLoginStore(on: connection).outdated(keyID: keys.current.id.text)
        }
        for old in outdated {
            let context = ReaderLogin.context(old.organizationID)
            guard let password = try? keys.open(old.sealed, context: context) else {
                report.unreadable[old.keyID, default: 0] += 1
                continue
            }
            let sealed = try keys.seal(password, context: context)
            try await pool.withConnection { connection in
                try await ReaderLoginStore(on: connection).reseal(old, with: sealed)
            }
            report.resealed += 1
        }
    }

    /// Open consents last only minutes, but an admin who has just logged in should not have to start again.
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

    private func resealLogins(_ report: inout Report) async throws {
        let outdated = try await pool.withConnection { connection in
            try await EndUserLoginStore(on: connection).outdated(keyID: keys.current.id.text)
        }
        for old in outdated {
            let context = EndUserLogin.verifierContext(old.stateHash)
            guard let verifier = try? keys.open(old.verifier, context: context) else { continue }
            let sealed = try keys.seal(verifier, context: context)
            try await pool.withConnection { connection in
                try await EndUserLoginStore(on: connection).reseal(old, with: sealed.bytes)
            }
            report.resealed += 1
        }
    }

    /// A session that cannot be opened ends with its next request, so it does not keep a removed key's check.
    private func resealSessions(_ report: inout Report, _ check: () throws -> Void) async throws {
        var last: [UInt8] = []
        while true {
            let batch = try await pool.withConnection { [last] connection in
                try await EndUserSessionStore(on: connection).outdated(
                    keyID: keys.current.id.text, after: last, limit: OrganizationsLimits.resealBatch)
            }
            guard let end = batch.last?.tokenHash else { return }
            for old in batch {
                let context = EndUserLogin.tokenContext(old.organizationID)
                guard let token = try? keys.open(old.accessToken, context: context) else { continue }
                let sealed = try keys.seal(token, context: context)
                let isDone = try await pool.withConnection { connection in
                    try await EndUserSessionStore(on: connection).reseal(old, with: sealed.bytes)
                }
                if isDone { report.resealed += 1 }
            }
            last = end
            try check()
        }
    }
}
