import Foundation
import Postgres
import Support
import Testing

@testable import Replication

/// The work of Postgres for a backlog. `LOG_BENCH=1 bin/test --filter LogSpeedTests` runs it.
@Suite(.tags(.store), .enabled(if: ProcessInfo.processInfo.environment["LOG_BENCH"] == "1"))
struct LogSpeedTests {
    private static let rows = 40_000
    private static let batch = 200

    /// The processor time of the database's sessions in milliseconds, which does not depend on other load.
    private func time(_ pids: [Int]) -> Double {
        pids.reduce(0) { sum, pid in
            let fields =
                ((try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? "")
                .split(separator: ")").last?.split(separator: " ").map(String.init) ?? []
            guard fields.count > 13 else { return sum }
            return sum + (Double(fields[11]) ?? 0) * 10 + (Double(fields[12]) ?? 0) * 10
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `figures`() async throws {
        try await withLog { log in
            try await log.user.execute(
                """
                insert into account (name, phone, billingcity, description)
                select 'Account ' || i, '+49 89 ' || i, 'City', repeat('text ', 20) || i
                from generate_series(1, \(Self.rows)) i
                """)
            let pids: [Int] = try await log.scene.pool.query(
                "select pid from pg_stat_activity where datname = current_database()"
            ).column()
            var spent: [String: Double] = [:]
            func measure<R>(_ what: String, _ body: () async throws -> R) async throws -> R {
                let before = time(pids)
                let value = try await body()
                spent[what, default: 0] += time(pids) - before
                return value
            }
            let start = ContinuousClock.now
            var sent = 0
            while true {
                let entries = try await measure("open") { try await log.open() }
                if entries.isEmpty { break }
                for place in stride(from: 0, to: entries.count, by: Self.batch) {
                    let part = Array(entries[place..<min(place + Self.batch, entries.count)])
                    let attempt = try await measure("begin") { try await log.begin(part, .insert).attempt }
                    let ends = part.map {
                        ($0, WriteEnd.written(sfid: MergeScene.sfid($0.recordID), leftOut: []))
                    }
                    let recorded = try await measure("record") {
                        try await log.record(ends, of: attempt, .insert)
                    }
                    #expect(recorded == LogStore.Recorded())
                    sent += part.count
                }
            }
            let seconds = (ContinuousClock.now - start).timeInterval
            try await log.change("update _trigger_log set processed_at = now() - interval '1 hour'")
            let archived = try await measure("archive") {
                try await log.scene.pool.transaction { try await log.log.archive(limit: sent, on: $0) }
            }
            #expect(archived == sent)
            let batches = Double(sent / Self.batch)
            for (what, time) in spent.sorted(by: { $0.key < $1.key }) {
                let each = (time / batches * 100).rounded() / 100
                print("figure log \(what): \(each) ms of postgres per 200 rows")
            }
            print("figure log: \(Int(Double(sent) / seconds)) rows/s")
        }
    }
}
