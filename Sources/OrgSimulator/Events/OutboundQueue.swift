/// A notification of an org that waits for its acknowledgement. Documented: SOAP API Developer Guide,
/// "Understanding Outbound Messaging".
struct QueuedNotification: Sendable {
    let id: OrgRecordID
    /// Counted from 1.
    let org: Int
    let url: String
    let object: String
    let record: OrgRecordID
    let fields: [String]
    /// When it is sent, in milliseconds since 1970.
    var dueAt: Int
    var attempts = 0
    /// Claimed by a sender.
    var isSending = false
}

/// The notifications of all orgs.
struct OutboundQueue: Sendable {
    /// Documented.
    static let notificationsPerMessage = 100
    /// The first pause after a failure, and the longest one. Documented: up to two hours; shorter for tests.
    private static let firstPause = 250
    private static let longestPause = 30_000

    var waiting: [QueuedNotification] = []
    /// Acknowledged notifications by org.
    var acknowledged: [Int: Int] = [:]
    /// Messages that were sent, by org.
    var messages: [Int: Int] = [:]

    /// Takes the due notifications of one org to one URL, at most 100.
    mutating func take(now: Int) -> [QueuedNotification] {
        guard let first = waiting.first(where: { $0.dueAt <= now && !$0.isSending }) else { return [] }
        var taken: [QueuedNotification] = []
        for place in waiting.indices
        where waiting[place].org == first.org && waiting[place].url == first.url
            && waiting[place].dueAt <= now && !waiting[place].isSending
            && taken.count < Self.notificationsPerMessage
        {
            waiting[place].isSending = true
            waiting[place].attempts += 1
            taken.append(waiting[place])
        }
        messages[first.org, default: 0] += 1
        return taken
    }

    /// Notes the answer to a message: one acknowledgement for all its notifications.
    mutating func note(_ sent: [QueuedNotification], isAcknowledged: Bool, now: Int) {
        let ids = Set(sent.map(\.id))
        if isAcknowledged {
            waiting.removeAll { ids.contains($0.id) }
            for each in sent { acknowledged[each.org, default: 0] += 1 }
            return
        }
        for place in waiting.indices where ids.contains(waiting[place].id) {
            waiting[place].isSending = false
            let pause = min(Self.longestPause, Self.firstPause << min(waiting[place].attempts, 10))
            waiting[place].dueAt = now + pause
        }
    }
}
