import Postgres
import Reactor
import Support
import Testing

@Suite(.tags(.store))
struct ListeningTests {
    @Test func `a notification arrives while the connection is idle`() async throws {
        try await withDatabase { database in
            let (listener, sender) = (try await database.connect(), try await database.connect())
            try await listener.listen("Some \"channel\"")
            async let received = listener.nextNotification(deadline: .now + .seconds(30))
            try await sender.notify("Some \"channel\"", payload: "hello")
            let notification = try #require(try await received)
            #expect(notification.channel == "Some \"channel\"")
            #expect(notification.payload == "hello")
            #expect(notification.process == sender.backendProcess)
        }
    }

    @Test func `notifications that arrive with a result are not lost`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.listen("c")
            for index in 0..<3 { try await connection.notify("c", payload: "\(index)") }
            for index in 0..<3 {
                let notification = try await connection.nextNotification(deadline: .now + .seconds(10))
                #expect(notification?.payload == "\(index)")
            }
            #expect(try await connection.nextNotification(deadline: .now + .milliseconds(20)) == nil)
            try await connection.unlisten("c")
            try await connection.notify("c")
            #expect(try await connection.nextNotification(deadline: .now + .milliseconds(20)) == nil)
        }
    }

    @Test func `waiting can be cancelled, and the connection keeps listening`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.listen("c")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await connection.nextNotification(deadline: .now + .seconds(60)) }
                try await eventually("it waits") { !connection.isIdle }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
            try await connection.notify("c")
            #expect(try await connection.nextNotification(deadline: .now + .seconds(10)) != nil)
        }
    }

    @Test func `a listener whose session ends gets an error`() async throws {
        try await withDatabase { database in
            let (listener, killer) = (try await database.connect(), try await database.connect())
            try await listener.listen("c")
            let process = listener.backendProcess
            async let error = #expect(throws: PostgresError.self) {
                try await listener.nextNotification(deadline: .now + .seconds(60))
            }
            try await killer.execute("select pg_terminate_backend(\(process))")
            #expect(await error?.isConnectionLoss == true)
        }
    }
}
