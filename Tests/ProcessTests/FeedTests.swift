import Cryptography
import Encoding
import Foundation
import FoundationNetworking
import Postgres
import Support
import Testing

extension ProcessTests {
    /// The change feed, platform events and outbound messages of a whole installation.
    @Suite(.tags(.process), .serialized)
    struct FeedTests {
        @Test func `changes of rows, platform events and outbound messages reach the app`() async throws {
            try await withFeed { rig, app, token in
                try await rig.change(#"{"kind":"create","records":[{"Name":"Fed"}]}"#)
                try await eventually("the row's event arrives") {
                    !app.events("row.created").isEmpty
                }
                let created = try #require(app.events("row.created").first)
                #expect(created["data"]?["object"]?.string == "Account")
                #expect(created["data"]?["schema"]?.string == rig.org.schema)

                _ = try rig.run("events", "subscribe", rig.org.id, "Order_Ready__e")
                try await rig.untilSubscribed()
                try await rig.publish(1)
                try await eventually("the platform event arrives") {
                    !app.events("event.received").isEmpty
                }
                let row = try #require(try await rig.app("select * from T._platform_event_log").first)
                #expect(try row["channel"] == "/event/Order_Ready__e")

                // Out: by the application's insert, by a command and by an API call. We receive our own.
                try await rig.app(
                    """
                    insert into T._platform_events (event_name, payload)
                    values ('Order_Ready__e', '{"Order_Number__c": "out-1"}')
                    """)
                _ = try rig.run(
                    "events", "publish", rig.org.id, "Order_Ready__e", #"{"Order_Number__c":"out-2"}"#)
                let answer = try await rig.deployment.post(
                    "http://127.0.0.1:\(rig.deployment.webPort)/feed/publish",
                    body: #"""
                        {"org_id":"\#(rig.org.id)","event":"Order_Ready__e","payload":{"Order_Number__c":"out-3"}}
                        """#, headers: ["Authorization": "Bearer \(token)"])
                #expect(answer.status == 202, "\(answer.text)")
                try await rig.app(
                    "insert into T._platform_events (event_name, payload) values ('Nope__e', '{}')")
                try await eventually("all are published") {
                    let numbers: [String] = try await rig.app(
                        """
                        select payload->>'Order_Number__c' from T._platform_event_log
                        where payload->>'Order_Number__c' <> 'in-0' order by 1
                        """
                    ).column()
                    return numbers == ["in-1", "out-1", "out-2", "out-3"]
                }
                try await eventually("their results are stored") {
                    try await rig.app(
                        """
                        select count(*) filter (where state = 'SUCCESS' and event_uuid is not null) = 3
                          and count(*) filter (where state = 'FAILED' and error is not null) = 1
                        from T._platform_events
                        """
                    ).scalar()
                }
                try await outbound(rig, app)
            }
        }

        private func outbound(_ rig: ApplicationRig, _ app: FeedReceiver) async throws {
            let url = try #require(try rig.run("outbound", "url", rig.org.id).last)
            for _ in 1...2 {
                let (status, text) = try await rig.sendMessage(url, 7)
                #expect(status == 200)
                #expect(text.contains("<Ack>true</Ack>"))
            }
            try await eventually("the message arrives") { !app.events("message.received").isEmpty }
            #expect(try await rig.app("select count(*) from T._outbound_messages").scalar(as: Int.self) == 1)
            for (target, sender) in [(url + "x", rig.org.id), (url, "00D90000000gNcmEAE")] {
                let (status, text) = try await rig.sendMessage(target, 8, org: sender)
                #expect([403, 404].contains(status))
                #expect(text.contains("<Ack>false</Ack>"))
            }
            #expect(app.events("message.received").count == 1)
            // The org sends until it has an acknowledgement.
            try await rig.deployment.fault(#"{"kind":"clear"}"#)
            let records = Array(try await rig.records("Account", by: "sfid").keys.prefix(3))
            let simulator = "\(rig.deployment.simulatorURL)/simulator/orgs/\(rig.org.id)/outbound"
            let ids = records.map { "\"\($0)\"" }.joined(separator: ",")
            let queued = try await rig.deployment.post(
                simulator, body: "{\"url\":\"\(url)\",\"ids\":[\(ids)]}")
            #expect(queued.status == 204, "\(queued.text)")
            try await eventually("all are acknowledged") {
                let counts = try await rig.deployment.send(URLRequest(url: URL(string: simulator)!))
                return counts.text.contains("\"acknowledged\":3")
            }
            #expect(try await rig.app("select count(*) from T._outbound_messages").scalar(as: Int.self) == 4)
        }

        @Test func `a call of Apex runs as a process of the app, and its result reaches the org`()
            async throws
        {
            try await withFeed { rig, app, _ in
                let secret = "0123456789abcdef0123456789abcdef"
                let port = try Deployment.freePort()
                let web = try await rig.deployment.startWeb(["CALLBACK_SECRET": secret, "PORT": "\(port)"])
                defer { web.kill() }
                _ = try rig.run("processes", "set", "enrich", app.url.replacing("/hook", with: "/process"))
                let record: String = try await rig.app("select sfid from T.account order by id limit 1")
                    .scalar()
                func call(_ name: String, _ number: Int, key: String) async throws -> Deployment.Answer {
                    let body = """
                        {"org_id":"\(rig.org.id)","object":"Account","record_id":"\(record)","field":"Phone",\
                        "key":"\(key)","input":{"number":\(number)}}
                        """
                    let time = "\(Int(Date().timeIntervalSince1970))"
                    let code = HMAC.sha256(
                        key: Array(secret.utf8), message: Array("\(time).\(body)".utf8))
                    return try await rig.deployment.post(
                        "http://127.0.0.1:\(port)/processes/\(name)", body: body,
                        headers: [
                            "X-Multiconnect-Timestamp": time, "X-Multiconnect-Signature": Hex.encode(code),
                        ])
                }
                try await eventually("the other web process answers") {
                    (try? await call("nope", 1, key: "x"))?.status == 404
                }
                let first = try await call("enrich", 7, key: "a")
                #expect(first.status == 202, "\(first.text)")
                #expect(try await call("enrich", 8, key: "a").text == first.text, "the same run")
                try await eventually("the result reaches the org") {
                    try await rig.records("Account", by: "sfid")[record]?["phone"]?.string == "process 7"
                }
                try await callout(rig, port, secret, record)
                let unsigned = try await rig.deployment.post(
                    "http://127.0.0.1:\(port)/processes/enrich", body: "{}")
                #expect(unsigned.status == 401)
                let closed = try await rig.deployment.post(
                    "http://127.0.0.1:\(rig.deployment.webPort)/processes/enrich", body: "{}")
                #expect(closed.status == 403, "without CALLBACK_SECRET")
            }
        }

        /// The org's own Apex calls, as the simulator signs it.
        private func callout(
            _ rig: ApplicationRig, _ port: UInt16, _ secret: String, _ record: String
        ) async throws {
            let url = "\(rig.deployment.simulatorURL)/simulator/orgs/\(rig.org.id)/callouts"
            for (secret, number) in [(secret, 9), ("another secret of thirty-two bytes", 10)] {
                let body = """
                    {"url":"http://127.0.0.1:\(port)/processes/enrich","secret":"\(secret)","object":"Account",\
                    "record_id":"\(record)","field":"Phone","key":"c\(number)","input":{"number":\(number)}}
                    """
                #expect(try await rig.deployment.post(url, body: body).status == 204)
            }
            try await eventually("both calls are answered") {
                let answers = try await rig.deployment.send(URLRequest(url: URL(string: url)!)).text
                let statuses = try JSONValue(parsing: Array(answers.utf8)).array?.compactMap {
                    $0["status"]?.int
                }
                return statuses == [202, 401]
            }
            try await eventually("the result of the signed call reaches the org") {
                try await rig.records("Account", by: "sfid")[record]?["phone"]?.string == "process 9"
            }
        }

        @Test func `an app that listens is notified of rows, events and tenants`() async throws {
            try await withFeed { rig, _, _ in
                let listener = try await PostgresConnection.connect(
                    try PostgresConfiguration(url: rig.deployment.databaseURL))
                defer { listener.close() }
                try await listener.listen("multiconnect_feed")
                try await listener.listen("multiconnect_events")
                try await rig.change(#"{"kind":"create","records":[{"Name":"Heard"}]}"#)
                let id: String = try await rig.app(
                    "select id::text from multiconnect.organizations where org_id = '\(rig.org.id)'"
                ).scalar()
                let row = try await heard(listener, "row")
                #expect(row["organization"]?.string == id)
                _ = try rig.run("organizations", "pause", rig.org.id)
                #expect(try await heard(listener, "tenant")["organization"]?.string == id)
            }
        }

        /// The payload of the first notification of a kind.
        private func heard(_ listener: PostgresConnection, _ kind: String) async throws -> JSONValue {
            while true {
                let next = try #require(
                    try await listener.nextNotification(deadline: .now + .seconds(30)))
                let payload = try JSONValue(parsing: Array(next.payload.utf8))
                if payload["kind"]?.serialized.contains(kind) == true { return payload }
            }
        }

        @Test func `a stream of events is resumed where it ended, and needs a token`() async throws {
            try await withFeed { rig, _, token in
                let url = URL(string: "http://127.0.0.1:\(rig.deployment.webPort)/feed/events")!
                let refused = try await rig.deployment.send(URLRequest(url: url))
                #expect(refused.status == 401)
                let first = try stream(url, token, after: nil)
                try await eventually("the stream is open") { first.output.contains("id: ") }
                try await rig.change(#"{"kind":"create","records":[{"Name":"First"}]}"#)
                try await eventually("the event arrives") { first.output.contains("event: row.created") }
                first.kill()
                let ids = first.output.split(separator: "\n").filter { $0.hasPrefix("id: ") }
                let last = String(try #require(ids.last).dropFirst(4))
                try await rig.change(#"{"kind":"create","records":[{"Name":"Second"}]}"#)
                try await eventually("the change is applied") {
                    try await rig.app("select exists (select from T.account where name = 'Second')").scalar()
                }
                let second = try stream(url, token, after: last)
                defer { second.kill() }
                try await eventually("the missed event arrives") {
                    second.output.contains("event: row.created")
                }
                try await Task.sleep(for: .seconds(2))
                #expect(second.output.split(separator: "\n").count { $0 == "event: row.created" } == 1)
            }
        }

        private func stream(_ url: URL, _ token: String, after id: String?) throws -> Program {
            let resume = id.map { ["-H", "Last-Event-ID: \($0)"] } ?? []
            return try Program(
                "curl", "/usr/bin/curl",
                ["-sN", "-H", "Authorization: Bearer \(token)"] + resume + [url.absoluteString])
        }

        @Test func `workers killed at any moment lose no event, no message and no delivery`() async throws {
            try await withFeed { rig, app, _ in
                let url = try #require(try rig.run("outbound", "url", rig.org.id).last)
                _ = try rig.run("events", "subscribe", rig.org.id, "Order_Ready__e")
                try await rig.untilSubscribed()
                var worker = rig.worker
                let count = 40
                for number in 1...count {
                    try await rig.publish(number)
                    try await rig.change(#"{"kind":"create","records":[{"Name":"Row \#(number)"}]}"#)
                    #expect(try await rig.sendMessage(url, number).0 == 200)
                    try await rig.app(
                        """
                        insert into T._platform_events (event_name, payload)
                        values ('Order_Ready__e', '{"Order_Number__c": "out-\(number)"}')
                        """)
                    guard number % 10 == 5 else { continue }
                    try await Task.sleep(for: .milliseconds(.random(in: 0...1_500)))
                    worker.kill()
                    worker = try rig.deployment.startWorker()
                }
                defer { worker.kill() }
                let expected = Set((1...count).flatMap { ["in-\($0)", "out-\($0)"] })
                try await eventually(within: .seconds(120), "all is delivered\n\(worker.output.suffix(3000))")
                {
                    let numbers = app.events("event.received").compactMap {
                        $0["data"]?["payload"]?["Order_Number__c"]?.string
                    }
                    return Set(numbers).isSuperset(of: expected)
                        && app.values("message.received", "notification_id").count >= count
                        && app.values("row.created", "sfid").count >= count
                }
                // In the tables each event is there once.
                let twice: Int = try await rig.app(
                    """
                    select count(*) from (
                      select from T._platform_event_log group by channel, replay_id having count(*) > 1) as x
                    """
                ).scalar()
                #expect(twice == 0)
                #expect(
                    try await rig.app("select count(*) from T._outbound_messages").scalar(as: Int.self)
                        == count)
            }
        }
    }
}
