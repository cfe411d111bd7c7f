internal import Activity
package import Cryptography
internal import FoundationEssentials
package import HTTPClient
package import Logging
package import Postgres
internal import Reactor
internal import Synchronization

/// Delivers events to webhooks, in a worker. One value and one loop per process.
///
/// A worker claims webhooks and renews its claims. If it dies, another one claims them a little later and
/// continues from the stored cursor, so an event may be delivered twice, with the same id.
package struct FeedCourier: Sendable {
    let control: PostgresPool
    let reader: FeedReader
    let http: HTTPClient
    let keys: KeyRing
    let addresses: AddressRule
    let logger: Logger
    let claim = UUID()

    package init(
        control: PostgresPool, cells: [String: PostgresPool], http: HTTPClient, keys: KeyRing,
        addresses: AddressRule, logger: Logger
    ) {
        self.control = control
        self.http = http
        self.keys = keys
        self.addresses = addresses
        self.logger = logger
        reader = FeedReader(control: control, cells: cells)
    }

    /// Runs on a loop until its task is cancelled.
    package func run() async {
        let running = RunningFeeds()
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let free = FeedLimits.webhooksAtOnce - running.count
                do {
                    let claimed =
                        free > 0
                        ? try await control.withConnection {
                            try await WebhookStore(on: $0).claim(claim, limit: free)
                        } : []
                    for each in claimed {
                        let id = each.webhook.id
                        // A lost claim whose run has not noticed it yet.
                        guard running.insert(id) else { continue }
                        group.addTask {
                            await deliver(each)
                            running.remove(id)
                        }
                    }
                } catch {
                    if !Task.isCancelled {
                        logger.debug("could not claim webhooks", metadata: ["error": "\(error)"])
                    }
                }
                try? await EventLoop.current.sleep(for: FeedLimits.step * 2)
            }
        }
    }

    private func deliver(_ claimed: WebhookStore.Claimed) async {
        let webhook = claimed.webhook
        do {
            let target = try await open(claimed)
            var run = FeedRun(self, webhook, target: target)
            try await run.run()
        } catch let error as FeedsError where error.code == .claimLost {
            return
        } catch {
            if !Task.isCancelled {
                logger.warning(
                    "could not deliver to webhook",
                    metadata: ["webhook": "\(webhook.name)", "error": "\(error)"])
                try? await EventLoop.current.sleep(for: .seconds(5))
            }
        }
        await release(webhook)
    }

    /// Opens a webhook's URL and secret. Notifies operators if no key does: its events would be lost in
    /// silence.
    private func open(_ claimed: WebhookStore.Claimed) async throws -> FeedTarget {
        let webhook = claimed.webhook
        let opened: Secret
        do {
            opened = try keys.open(claimed.target, context: FeedTarget.context(webhook.id))
        } catch {
            let message =
                "\(webhook.name): the webhook gets no events, because neither SECRET nor SECRET_PREVIOUS "
                + "opens its URL: \(error)."
            try await control.withConnection {
                try await NotificationStore(on: $0).addOnce(
                    FeedNotice.unreadable, organization: nil, message: message,
                    atMost: FeedLimits.unreadableWebhooks)
            }
            throw error
        }
        try await control.withConnection {
            try await NotificationStore(on: $0).resolve(
                FeedNotice.unreadable, organization: nil, subject: webhook.name)
        }
        return try FeedTarget(plain: opened)
    }

    private func release(_ webhook: Webhook) async {
        let (control, claim) = (control, claim)
        await withCancellationShield(on: EventLoop.current) {
            try? await control.withConnection {
                try await WebhookStore(on: $0).release(webhook.id, claim: claim)
            }
        }
    }
}

/// The webhooks that a process delivers to at present.
private final class RunningFeeds: Sendable {
    private let ids = Mutex<Set<UUID>>([])

    var count: Int { ids.withLock(\.count) }

    /// False if the webhook is there already.
    func insert(_ id: UUID) -> Bool { ids.withLock { $0.insert(id).inserted } }

    func remove(_ id: UUID) { _ = ids.withLock { $0.remove(id) } }
}
