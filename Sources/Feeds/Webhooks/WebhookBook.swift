internal import Activity
package import Cryptography
package import FoundationEssentials
package import Postgres

/// Adds, lists and removes webhooks, for commands and pages.
package struct WebhookBook: Sendable {
    /// Secrets that are shown once.
    package struct Added: Sendable {
        package var webhook: Webhook
        /// Nil without a URL.
        package var secret: String?
        package var token: String
    }

    /// A webhook with the numbers of its deliveries.
    package struct Listed: Sendable {
        package var webhook: Webhook
        package var deliveries: [Delivery.State: Int]
    }

    private let control: PostgresPool

    package init(control: PostgresPool) {
        self.control = control
    }

    /// Adds a webhook that gets the events from now on.
    ///
    /// Throws `.invalid` and `.exists`.
    package func add(
        _ name: String, url: String?, _ filter: FeedFilter, keys: KeyRing, allowsPrivate: Bool,
        cells: [String: PostgresPool], by actor: String
    ) async throws -> Added {
        guard name.wholeMatch(of: /[a-z0-9][a-z0-9_-]{0,62}/) != nil else {
            throw FeedsError(.invalid, "the name must have letters a-z, digits, - and _ only, at most 63")
        }
        guard !filter.groups.isEmpty else { throw FeedsError(.invalid, "no kinds of events are chosen") }
        let id = UUID()
        var (host, target): (String?, FeedTarget?) = (nil, nil)
        if let url {
            guard let found = FeedTarget.host(of: url, allowsPrivate: allowsPrivate) else {
                throw FeedsError(
                    .invalid,
                    "the URL must be an https URL without a user and a fragment"
                        + (allowsPrivate ? " (or http, because private addresses are allowed)" : ""))
            }
            host = found
            target = try FeedTarget(url: url)
        }
        let sealed = try target.map { try keys.seal($0.plain, context: FeedTarget.context(id)).bytes }
        let token = try FeedToken()
        let cursor = try await FeedReader(control: control, cells: cells).end()
        let webhook = Webhook(
            id: id, name: name, host: host, filter: filter, cursor: cursor, createdAt: Date())
        try await control.transaction { connection in
            guard
                try await WebhookStore(on: connection).add(webhook, target: sealed, tokenHash: token.hash)
            else { throw FeedsError(.exists, "there is already a webhook \(name)") }
            try await ActivityStore(on: connection).add(
                "webhook_added", by: actor, organization: filter.organization,
                detail: "\(name) \(host ?? "stream only")")
        }
        try await setDemands(in: cells)
        return Added(webhook: webhook, secret: target?.secret, token: token.text)
    }

    /// Removes a webhook with its deliveries. Throws `.unknownWebhook`.
    package func remove(
        _ name: String, cells: [String: PostgresPool], by actor: String
    ) async throws {
        try await control.transaction { connection in
            guard let removed = try await WebhookStore(on: connection).remove(name) else {
                throw FeedsError(.unknownWebhook, "there is no webhook \(name)")
            }
            try await NotificationStore(on: connection).resolve(
                FeedNotice.unreadable, organization: nil, subject: name)
            try await ActivityStore(on: connection).add(
                "webhook_removed", by: actor, organization: removed.filter.organization, detail: name)
        }
        try await setDemands(in: cells)
    }

    package func list() async throws -> [Listed] {
        try await control.withConnection { connection in
            let counts = try await DeliveryStore(on: connection).counts()
            return try await WebhookStore(on: connection).list().map {
                Listed(webhook: $0, deliveries: counts[$0.id] ?? [:])
            }
        }
    }

    /// The newest deliveries first. Throws `.unknownWebhook`.
    package func deliveries(
        _ webhook: String? = nil, _ state: Delivery.State? = nil, limit: Int = 100
    ) async throws -> [Delivery] {
        try await control.withConnection { connection in
            if let webhook, try await WebhookStore(on: connection).find(webhook) == nil {
                throw FeedsError(.unknownWebhook, "there is no webhook \(webhook)")
            }
            return try await DeliveryStore(on: connection).list(webhook, state, limit: limit)
        }
    }

    /// Sends dead deliveries again, and waiting ones at once. Returns their number. Throws `.unknownWebhook`.
    package func retry(_ name: String, _ ids: [UUID]? = nil, by actor: String) async throws -> Int {
        try await control.transaction { connection in
            guard let webhook = try await WebhookStore(on: connection).find(name) else {
                throw FeedsError(.unknownWebhook, "there is no webhook \(name)")
            }
            let count = try await DeliveryStore(on: connection).retry(webhook.id, ids)
            if count > 0 {
                try await ActivityStore(on: connection).add(
                    "webhook_retried", by: actor, organization: webhook.filter.organization,
                    detail: "\(name) \(count)")
            }
            return count
        }
    }

    /// The receiver with this token. Nil for an unknown token.
    package func receiver(token: String) async throws -> Webhook? {
        guard token.hasPrefix(FeedToken.prefix), token.utf8.count < 100 else { return nil }
        return try await control.withConnection {
            try await WebhookStore(on: $0).find(tokenHash: FeedToken.hash(token))
        }
    }

    /// Makes the cells record what the webhooks want. Throws if a cell does not answer, after the others.
    package func setDemands(in cells: [String: PostgresPool]) async throws {
        let filters = try await control.withConnection {
            try await WebhookStore(on: $0).list().map(\.filter)
        }
        var failure: (any Error)?
        for (_, pool) in cells.sorted(by: { $0.key < $1.key }) {
            do {
                try await pool.transaction { try await FeedDemandStore().set(filters, on: $0) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
