import Postgres
import Synchronization

/// Completions of one loop, gathered: while one statement is on its way the next ones collect, and go
/// together. There is no task behind it: whoever finds nobody on the way goes, and hands on to the next when
/// back.
final class CompletionBatch: Sendable {
    private enum Turn {
        case over(Result<Bool, any Error>)
        case lead
    }

    private struct Waiting {
        let claim: Claim
        let continuation: CheckedContinuation<Turn, Never>
    }

    private struct State {
        var waiting: [Waiting] = []
        var isLed = false
    }

    private let state = Mutex(State())
    private let store: JobStore
    private let pool: PostgresPool

    init(store: JobStore, pool: PostgresPool) {
        self.store = store
        self.pool = pool
    }

    /// Completes a job; false when its claim no longer held.
    func complete(_ claim: Claim) async throws -> Bool {
        let turn = await withCheckedContinuation { continuation in
            let leads = state.withLock { state in
                if !state.isLed {
                    state.isLed = true
                    return true
                }
                state.waiting.append(Waiting(claim: claim, continuation: continuation))
                return false
            }
            if leads { continuation.resume(returning: Turn.lead) }
        }
        switch turn {
        case .over(let result): return try result.get()
        case .lead: return try await lead(with: claim)
        }
    }

    private func lead(with claim: Claim) async throws -> Bool {
        let others = state.withLock { state in
            let others = Array(state.waiting.prefix(store.limits.batch))
            state.waiting.removeFirst(min(store.limits.batch, state.waiting.count))
            return others
        }
        let result: Result<Set<JobID>, any Error>
        do {
            let claims = [claim] + others.map(\.claim)
            result = .success(
                try await pool.withConnection { try await store.complete(claims, on: $0) })
        } catch {
            result = .failure(error)
        }
        for other in others {
            other.continuation.resume(
                returning: .over(result.map { $0.contains(other.claim.id) }))
        }
        let next = state.withLock { state -> Waiting? in
            guard !state.waiting.isEmpty else {
                state.isLed = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.continuation.resume(returning: .lead)
        return try result.get().contains(claim.id)
    }
}
