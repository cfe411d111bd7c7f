import Foundation
import Postgres
import Reactor
import Support
import Synchronization
import Testing

extension ProcessTests {
    /// Notifications to operators, sent by real workers.
    @Suite(.tags(.process))
    struct AlertTests {
        /// Answers each request with 204 and keeps its text.
        private final class Webhook: Sendable {
            private let received = Mutex<[String]>([])
            var requests: [String] { received.withLock { $0 } }

            func serve(on listener: Listener) async throws {
                while !Task.isCancelled {
                    let socket = try await listener.accept()
                    defer { socket.close() }
                    try? await answer(socket)
                }
            }

            private func answer(_ socket: Socket) async throws {
                var buffer = ReadBuffer(capacity: 16_384)
                var text = ""
                while try await socket.read(into: &buffer, deadline: .now + .seconds(10)) > 0 {
                    text += String(decoding: buffer.bytes(0..<buffer.readableCount), as: UTF8.self)
                    buffer.consume(buffer.readableCount)
                    guard text.hasSuffix("}}") else { continue }
                    let request = text
                    received.withLock { $0.append(request) }
                    let reply = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
                    return try await socket.write(Array(reply.utf8), deadline: .now + .seconds(10))
                }
            }
        }

        @Test func `two workers send a notification once, and print none of its secrets`() async throws {
            try await withDatabase { database in
                let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
                let webhook = Webhook()
                let deployment = try await Deployment(database: database)
                let settings = [
                    "NOTIFY_WEBHOOK_URL": "http://127.0.0.1:\(listener.address.port)/s3cret-path",
                    "NOTIFY_WEBHOOK_SECRET": "s3cret-0123456789", "OPERATOR_EMAIL": "ann@example.com",
                    "LOG_LEVEL": "debug",
                ]
                let workers = try [deployment.startWorker(settings), deployment.startWorker(settings)]
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await webhook.serve(on: listener) }
                    try await deployment.withConnection(deployment.databaseURL) { connection in
                        try await notify(webhook, on: connection)
                    }
                    group.cancelAll()
                }
                let request = try #require(webhook.requests.first)
                #expect(request.hasPrefix("POST /s3cret-path HTTP/1.1\r\n"), "\(request)")
                #expect(request.contains("Multiconnect-Signature: t="), "\(request)")
                #expect(request.contains(#""kind":"stream_lost","message":"no events""#), "\(request)")
                for worker in workers {
                    #expect(!worker.output.contains("s3cret"), "\(worker.output)")
                    worker.kill()
                }
                try await deployment.stop()
            }
        }

        /// Adds a notification, and lets the job that finds it run several times.
        private func notify(_ webhook: Webhook, on connection: PostgresConnection) async throws {
            let tick: SQL =
                "update multiconnect.periodic_jobs set next_run_at = now() where name = 'collect-alerts'"
            try await eventually(within: .seconds(30), "the job is registered") {
                try await connection.execute(tick) == 1
            }
            try await connection.execute(
                """
                insert into multiconnect.notifications (event_type, message, created_at)
                values ('stream_lost', 'no events', now() - interval '2 minutes')
                """)
            let mails: SQL = "select count(*) from multiconnect.mails where purpose = 'alert'"
            var runs = 0
            try await eventually(within: .seconds(60), "the mail, the request and three more runs") {
                try await connection.execute(tick)
                let ended: Int = try await connection.query(
                    "select count(*) from multiconnect.jobs where class = 'CollectAlerts' and state = 'done'"
                ).scalar()
                let isSent = try await connection.query(mails).scalar(as: Int.self) > 0
                guard isSent, !webhook.requests.isEmpty else { return false }
                if runs == 0 { runs = ended + 3 }
                return ended >= runs
            }
            #expect(try await connection.query(mails).scalar(as: Int.self) == 1)
            #expect(webhook.requests.count == 1)
        }
    }
}
