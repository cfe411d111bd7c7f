import Cryptography
import Foundation
import HTTPClient
import JobAdmin
import Jobs
import Metrics
import Postgres
import Support
import Testing

@testable import Web

/// Access to the metrics, and their content.
@Suite(.tags(.store))
struct MetricsTests {
    private func withToken(_ body: @concurrent @Sendable (WebRig) async throws -> Void) async throws {
        var options = WebRig.Options()
        options.metricsToken = Secret(text: "scrape me")
        try await withWebRig(options, body)
    }

    private static let token = [(name: "Authorization", value: "Bearer scrape me")]

    @Test func `without credentials in the settings the metrics are closed`() async throws {
        try await withWebRig { rig in
            for value in ["Bearer ", "Bearer x", "Basic Og=="] {
                let answer = try await rig.get("/metrics", [("Authorization", value)])
                #expect(answer.status == 403 && answer.text.contains("METRICS_TOKEN"), "\(value)")
            }
        }
    }

    @Test func `the token gives access to the metrics only`() async throws {
        try await withToken { rig in
            #expect(try await rig.get("/metrics", Self.token).status == 200)
            #expect(try await rig.get("/metrics", [("Authorization", "bearer scrape me")]).status == 200)
            for value in ["Bearer scrape", "Bearer ", "Bearer", "Basic Og==", "Basic OnNjcmFwZSBtZQ=="] {
                let answer = try await rig.get("/metrics", [("Authorization", value)])
                #expect(answer.status == 401, "\(value)")
                #expect(answer.headers.values("www-authenticate").count == 2)
            }
            #expect(try await rig.get("/dashboard/jobs", Self.token).status == 403)
        }
    }

    @Test func `the operators' name and password give access too, and wrong ones are limited`() async throws {
        try await withOperator { browser in
            #expect(try await browser.get("/metrics").status == 200)
            for _ in 0..<10 {
                #expect(try await browser.rig.get("/metrics", [("Authorization", "Bearer x")]).status == 401)
            }
            let refused = try await browser.rig.get("/metrics", [("Authorization", "Bearer x")])
            #expect(refused.status == 429)
            #expect(refused.headers["retry-after"].flatMap { Int($0) }.map { (1...11).contains($0) } == true)
        }
    }

    @Test func `the metrics have counts of rows, totals and processes`() async throws {
        try await withToken { rig in
            try await rig.pool.execute(
                """
                insert into multiconnect.jobs (id, class, args, queue, lane, state, run_at)
                select lpad(to_hex(i), 24, '0'), 'A', '[]', 'mail', 'mail', 'queued', now() - interval '90 s'
                from generate_series(1, 3) as i
                """
            )
            let answer = try await rig.get("/metrics", Self.token)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(answer.headers["cache-control"] == "no-store")
            let page = answer.text
            for line in [
                #"multiconnect_build_info{version="1.2.3"} 1"#, #"multiconnect_up{part="postgres"} 1"#,
                #"multiconnect_up{part="redis"} 1"#, #"multiconnect_jobs{state="queued"} 3"#,
                #"multiconnect_jobs{state="dead"} 0"#,
                #"multiconnect_queue_jobs{queue="mail",state="queued"} 3"#,
                #"multiconnect_workers{state="working"} 0"#, "multiconnect_worker_slots_busy 0",
            ] {
                #expect(page.contains(line + "\n"), "\(line)\n\(page)")
            }
            let oldest = page.split(separator: "\n").first {
                $0.hasPrefix("multiconnect_oldest_waiting_job_seconds ")
            }
            let seconds = oldest?.split(separator: " ").last.flatMap { Double($0) } ?? 0
            #expect((90..<200).contains(seconds))
            #expect(try await MetricsChecker.complaints(about: page) == "")
        }
    }

    @Test func `the metrics of a part that does not answer are missing, and up is 0`() async throws {
        try await withToken { rig in
            try await rig.pool.withConnection {
                try await $0.script("alter schema multiconnect rename to elsewhere")
            }
            let answer = try await rig.get("/metrics", Self.token)
            #expect(answer.status == 200)
            #expect(answer.text.contains(#"multiconnect_up{part="postgres"} 0"#))
            #expect(answer.text.contains(#"multiconnect_up{part="redis"} 1"#))
            #expect(!answer.text.contains("multiconnect_oldest_waiting_job_seconds"))
        }
    }

    @Test func `queues beyond a hundred have one label`() {
        let queues = (0..<150).map { number in
            JobCensus.Queue(
                name: "q\(number)", counts: [.queued: JobCount(number + 1)], latency: .seconds(number))
        }
        let shown = MetricsPage.bounded(queues)
        #expect(shown.count == 100)
        #expect(shown.last?.name == "other")
        #expect(shown.last?.counts[.queued]?.value == (1...51).reduce(0, +))
        #expect(shown.last?.latency == .seconds(50))
        #expect(Set(shown.map(\.name)).contains("q149"))
        #expect(MetricsPage.bounded(Array(queues.prefix(100))).count == 100)
    }

    @Test func `requests are counted by status class`() {
        let tallies = RequestTallies()
        for status in [200, 204, 404, 499, 503, 999] {
            tallies.count(status: status, after: .milliseconds(3))
        }
        var page = Exposition()
        page.add(RequestMetric.requests, by: "status", from: tallies.take())
        #expect(
            page.text.split(separator: "\n").dropFirst(2).map { String($0) } == [
                #"multiconnect_http_requests_total{status="1xx"} 0"#,
                #"multiconnect_http_requests_total{status="2xx"} 2"#,
                #"multiconnect_http_requests_total{status="3xx"} 0"#,
                #"multiconnect_http_requests_total{status="4xx"} 2"#,
                #"multiconnect_http_requests_total{status="5xx"} 2"#,
            ])
    }
}
