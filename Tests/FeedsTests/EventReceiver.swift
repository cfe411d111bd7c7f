import Foundation
import HTTPServer
import HTTPWire
import Logging
import Reactor
import Synchronization

/// A receiver of webhooks, which keeps the requests.
final class EventReceiver: Sendable {
    struct Received: Sendable {
        let id: String
        let time: String
        let signature: String
        let body: String
    }

    private struct State {
        var received: [Received] = []
        var statuses: [Status] = []
        var status = Status.ok
    }

    private let state = Mutex(State())
    private let listener: Listener

    init() throws {
        listener = try Listener.tcp(host: "127.0.0.1", port: 0)
    }

    var url: String { "http://127.0.0.1:\(listener.address.port)/hook" }
    var received: [Received] { state.withLock(\.received) }

    /// The kinds of all received events.
    var kinds: [String] {
        received.flatMap { each -> [String] in
            let object = try? JSONSerialization.jsonObject(with: Data(each.body.utf8)) as? [String: Any]
            let events = object?["events"] as? [[String: Any]] ?? []
            return events.compactMap { $0["type"] as? String }
        }
    }

    /// Answers with these statuses in turn, then with `last`.
    func answer(_ statuses: Status..., last: Status = .ok) {
        state.withLock {
            $0.statuses = statuses
            $0.status = last
        }
    }

    func serve() async throws {
        var router = Router()
        router.on(.post, "/hook") { [self] request in
            let status = state.withLock { state -> Status in
                state.received.append(
                    Received(
                        id: request.headers["webhook-id"] ?? "",
                        time: request.headers["webhook-timestamp"] ?? "",
                        signature: request.headers["webhook-signature"] ?? "",
                        body: String(decoding: request.body, as: UTF8.self)))
                return state.statuses.isEmpty ? state.status : state.statuses.removeFirst()
            }
            return .text("answer\n", status: status)
        }
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        try await Server(router: router, configuration: ServerConfiguration(), logger: logger)
            .serve(on: listener)
    }
}
