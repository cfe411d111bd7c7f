internal import Encoding
internal import Feeds
internal import HTTPServer
internal import HTTPWire
internal import Organizations
internal import Postgres
internal import Replication
internal import Salesforce

/// `POST /feed/publish`: stores a platform event that the tenant's lease holder publishes.
struct PublishRoute: Sendable {
    let feed: FeedRoutes
    let control: PostgresPool
    let events: EventBook

    /// A little more than the payload.
    private static let bodyBytes = ReplicationLimits.eventPayloadBytes + (64 << 10)

    func add(to router: inout Router) {
        router.on(.post, "/feed/publish", maximumBodyBytes: Self.bodyBytes) { try await respond($0) }
    }

    private func respond(_ request: Request) async throws -> Response {
        let (receiver, _) = try await feed.receiver(request)
        guard RegistrationRoute.isJSON(request.headers["content-type"]) else {
            return RegistrationRoute.Answer.json(
                .unsupportedMediaType, "Content-Type must be application/json.")
        }
        guard let body = try? JSONValue(parsing: request.body),
            let org = body["org_id"]?.string, let event = body["event"]?.string,
            let payload = body["payload"], let id = try? OrganizationID(org)
        else {
            return RegistrationRoute.Answer.json(
                .badRequest, "The body must have org_id, event and payload.")
        }
        let found = try await control.withConnection { try await OrganizationStore(on: $0).find(id) }
        // A token of another tenant does not show which orgs exist.
        guard let found, receiver.filter.organization.map({ $0 == found.id }) ?? true else {
            return RegistrationRoute.Answer.json(.notFound, "There is no such organization.")
        }
        do {
            let row = try await events.publish(event, payload: Array(payload.serialized.utf8), to: found)
            return .json(
                bytes: JSONText.object([("status", 202), ("id", .number(row))]).encoded, status: .accepted)
        } catch let refusal as EventBook.Refusal {
            return RegistrationRoute.Answer.json(
                refusal == .noSchema ? .conflict : .badRequest, "Not accepted: \(refusal.rawValue).")
        }
    }
}
