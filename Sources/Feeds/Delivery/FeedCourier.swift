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
            let opened = try keys.open(claimed.target, context: FeedTarget.context(webhook.id))
            var run = FeedRun(self, webhook, target: try FeedTarget(plain: opened))
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
