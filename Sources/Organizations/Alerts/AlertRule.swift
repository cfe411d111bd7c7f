internal import Activity
internal import FoundationEssentials

/// Decides which kinds of notifications operators are mailed about now. Facts from the database in, a
/// decision out.
enum AlertRule {
    /// The kinds of the mail to send now; empty if none is due.
    ///
    /// The first notification waits a moment, so that others of the same cause are in the same mail. After a
    /// mail about a kind, its next notifications wait longer than those of a new kind, and do not delay them.
    static func due(_ kinds: [AlertStore.Kind], now: Date) -> [String] {
        let waiting = kinds.filter { kind in
            kind.waitingSince != nil && isOver(OrganizationsLimits.alertKindPause, since: kind.lastMail, now)
        }
        let first = waiting.compactMap(\.waitingSince).min()
        guard first != nil, isOver(OrganizationsLimits.alertCollection, since: first, now),
            isOver(OrganizationsLimits.alertMailPause, since: kinds.compactMap(\.lastMail).max(), now)
        else { return [] }
        return waiting.map(\.name)
    }

    private static func isOver(_ pause: Duration, since time: Date?, _ now: Date) -> Bool {
        time.map { now >= $0.addingTimeInterval(pause.timeInterval) } ?? true
    }
}
