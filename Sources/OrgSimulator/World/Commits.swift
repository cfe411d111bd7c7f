import Reactor

/// Commits changes, and wakes the subscribers of the org.
extension World {
    /// Commits a transaction of a caller.
    /// - Parameter place: the org's, counted from 0.
    @discardableResult
    mutating func commit(_ writes: [RowWrite], _ commit: Commit, place: Int) -> [Int] {
        guard !writes.isEmpty else { return [] }
        if trialLocks != nil {
            // Not committed: that would copy the org's events and log.
            for write in writes { trialLocks?.formUnion(orgs[place].lockedIDs(write)) }
            return []
        }
        let rows = orgs[place].commit(writes, commit, configuration.assumptions)
        orgs[place].expireEvents(now: commit.now)
        wake(place)
        return rows
    }

    /// The circumstances of a call's transaction.
    mutating func transaction(_ call: IncomingCall, _ session: Session, _ version: String) -> Commit {
        Commit(
            user: session.user.id, origin: "com/salesforce/api/rest/\(version)" + Self.client(call),
            now: call.now, eventDelay: orgs[session.org - 1].nextEventDelay())
    }

    /// `;client=x`, of `Sforce-Call-Options: client=x`. Empty without it.
    static func client(_ call: IncomingCall) -> String {
        for option in call.headers["sforce-call-options"]?.split(separator: ",") ?? [] {
            let parts = option.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            if parts.count == 2, parts[0].lowercased() == "client" { return ";client=\(parts[1])" }
        }
        return ""
    }

    /// Commits the late changes whose time has come.
    mutating func commitPending(now: Int) {
        guard let next = nextPending, next <= now else { return }
        nextPending = nil
        for place in orgs.indices where !orgs[place].pending.isEmpty {
            while let first = orgs[place].pending.first, first.visibleAt <= now {
                orgs[place].pending.removeFirst()
                commit(first.writes, first.commit, place: place)
            }
            if let first = orgs[place].pending.first { notePending(first.visibleAt) }
        }
    }

    /// Commits a transaction that becomes visible at `visibleAt`.
    mutating func commitLater(_ pending: PendingCommit, place: Int) {
        let index = orgs[place].pending.firstIndex { $0.visibleAt > pending.visibleAt }
        orgs[place].pending.insert(pending, at: index ?? orgs[place].pending.endIndex)
        notePending(pending.visibleAt)
        // A waiting subscriber computes its next wake-up again.
        wake(place)
    }

    private mutating func notePending(_ visibleAt: Int) {
        nextPending = min(nextPending ?? visibleAt, visibleAt)
    }

    /// Wakes the waiting subscribers of an org.
    mutating func wake(_ place: Int) {
        for id in clientsByOrg[place + 1] ?? [] { clients[id]?.wake() }
    }
}

extension Org {
    /// The delay of the next transaction's events, 0 to `eventDelay` milliseconds.
    mutating func nextEventDelay() -> Int {
        guard eventDelay > 0 else { return 0 }
        return Int(Mixer.key(UInt64(number), "delay", "\(commitNumber)") % UInt64(eventDelay + 1))
    }

    /// Forgets events that are older than the retention.
    mutating func expireEvents(now: Int) { events.expire(before: now - retention) }
}
