internal import Activity
internal import Encoding
internal import FoundationEssentials
internal import HTTPClient
internal import Logging
internal import Postgres
internal import Reactor

/// The deliveries to one webhook while it is claimed.
struct FeedRun {
    private let courier: FeedCourier
    private let webhook: Webhook
    private let target: FeedTarget
    private var cursor: FeedCursor
    private var renewedAt = ContinuousClock.now
    /// Failed attempts in a row that look like an outage of the receiver.
    private var outages = 0
    private var sendAt = ContinuousClock.now
    private var notedGaps: Set<String> = []

    init(_ courier: FeedCourier, _ webhook: Webhook, target: FeedTarget) {
        self.courier = courier
        self.webhook = webhook
        self.target = target
        cursor = webhook.cursor
    }

    /// Runs until the task is cancelled. Throws `.claimLost`, also if the webhook was removed.
    mutating func run() async throws {
        while true {
            try await renew()
            var isBusy = try await collect()
            if sendAt <= .now, try await send() { isBusy = true }
            try Task.checkCancellation()
            if !isBusy { try await EventLoop.current.sleep(for: FeedLimits.step) }
        }
    }

    private mutating func renew() async throws {
        guard renewedAt + FeedLimits.renewal <= .now else { return }
        renewedAt = .now
        let (id, claim, cursor) = (webhook.id, courier.claim, cursor)
        let isHeld = try await courier.control.withConnection {
            try await WebhookStore(on: $0).renew(id, claim: claim, cursor: cursor)
        }
        guard isHeld else { throw FeedsError(.claimLost, "another worker delivers to the webhook") }
    }

    /// Turns new events into a delivery. True if there may be more.
    private mutating func collect() async throws -> Bool {
        let (control, id) = (courier.control, webhook.id)
        let waiting = try await control.withConnection {
            try await DeliveryStore(on: $0).waiting(id, limit: FeedLimits.waitingDeliveries)
        }
        guard waiting < FeedLimits.waitingDeliveries else { return false }
        let batch = await courier.reader.read(
            after: cursor, webhook.filter, limit: FeedLimits.eventsPerDelivery)
        for (source, error) in batch.failures {
            courier.logger.debug(
                "could not read events", metadata: ["source": "\(source)", "error": "\(error)"])
        }
        try await note(batch.gaps)
        guard !batch.events.isEmpty || !batch.gaps.isEmpty else {
            cursor = batch.cursor
            return false
        }
        let (documents, next) = Self.fit(batch, after: cursor)
        let delivery = UUID()
        let body = DeliveryRequest.body(delivery, batch.gaps.map(Self.gap) + documents)
        let (claim, count) = (courier.claim, documents.count + batch.gaps.count)
        try await control.transaction { connection in
            try await DeliveryStore(on: connection).add(
                delivery, body, events: count, to: id, claim: claim, cursor: next)
        }
        cursor = next
        return true
    }

    /// The first events that fit into a request, at least one, and the cursor behind them.
    private static func fit(
        _ batch: FeedReader.Batch, after cursor: FeedCursor
    ) -> (documents: [JSONText], cursor: FeedCursor) {
        var documents: [JSONText] = []
        var next = cursor
        var bytes = 0
        for event in batch.events {
            guard bytes < FeedLimits.deliveryBytes else { return (documents, next) }
            bytes += event.data.utf8.count + 200
            documents.append(event.document)
            next.positions[event.source] = event.position
        }
        return (documents, batch.cursor)
    }

    /// An event that says that events of a source are lost.
    private static func gap(_ source: String) -> JSONText {
        .object([
            ("id", .null), ("type", "feed.gap"), ("organization", .null),
            ("created_at", .string(FeedEvent.time(Date()))), ("data", ["source": .string(source)]),
        ])
    }

    private mutating func note(_ gaps: [String]) async throws {
        let new = gaps.filter { !notedGaps.contains($0) }
        guard !new.isEmpty else { return }
        notedGaps.formUnion(new)
        let name = webhook.name
        try await courier.control.withConnection {
            try await NotificationStore(on: $0).addOnce(
                FeedNotice.gap, organization: nil,
                message: "The webhook \(name) has missed events: they were older than the retention.")
        }
    }
}

// Sending.
extension FeedRun {
    /// Sends due deliveries in their order. True if there may be more.
    private mutating func send() async throws -> Bool {
        let (control, id) = (courier.control, webhook.id)
        let due = try await control.withConnection { try await DeliveryStore(on: $0).due(id) }
        for delivery in due {
            try await renew()
            try Task.checkCancellation()
            let (status, error) = try await post(delivery)
            let outcome = DeliveryRule.outcome(
                status: status, failures: delivery.attempts,
                age: .seconds(max(0, Date().timeIntervalSince(delivery.createdAt))),
                jitter: .random(in: 0.8...1.2))
            try await control.transaction { connection in
                try await DeliveryStore(on: connection).note(
                    delivery.id, outcome, status: status, error: error)
                try await notify(outcome, error, on: connection)
            }
            if outcome != .delivered, DeliveryRule.isOutage(status: status) {
                outages += 1
                sendAt = .now + DeliveryRule.pause(outages: outages)
                return false
            }
            outages = 0
        }
        return due.count == FeedLimits.dueDeliveries
    }

    private func post(_ delivery: DeliveryStore.Due) async throws -> (status: Int?, error: String?) {
        let request = DeliveryRequest.request(
            DeliveryRequest.id(delivery.id), delivery.body, to: target, at: Date(),
            addresses: courier.addresses)
        do {
            // The body of the answer is not read.
            let status = try await courier.http.stream(request) { $0.status }
            return (status, (200..<300).contains(status) ? nil : "status \(status)")
        } catch let error as HTTPClientError {
            let text = error.code == .addressRefused ? "the URL's host has a private address" : "\(error)"
            return (nil, String(text.prefix(FeedLimits.errorCharacters)))
        }
    }

    private func notify(
        _ outcome: DeliveryRule.Outcome, _ error: String?, on connection: PostgresConnection
    ) async throws {
        let notifications = NotificationStore(on: connection)
        switch outcome {
        case .delivered: break
        case .retried: break
        case .dead:
            try await notifications.addOnce(
                FeedNotice.failing, organization: nil,
                message: "A delivery to the webhook \(webhook.name) is dead: \(error ?? "no answer"). "
                    + "See `multiconnect webhooks deliveries \(webhook.name)`.")
        }
    }
}
