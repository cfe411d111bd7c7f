import Foundation
import Postgres
import Support
import TenantSchema
import Testing

@testable import Replication

/// Rates of merges, against the bare statements. `MERGE_BENCH=1 bin/test --filter MergeSpeedTests` runs it.
@Suite(.tags(.store), .enabled(if: ProcessInfo.processInfo.environment["MERGE_BENCH"] == "1"))
struct MergeSpeedTests {
    private static let rows = 100_000

    private func page(_ scene: MergeScene, _ version: Int) -> (sources: [String], bytes: [UInt8]) {
        let columns = scene.account.readColumns
        var bytes = Array((["Id"] + columns.map(\.source)).joined(separator: ",").utf8) + [10]
        for number in 1...Self.rows {
            bytes += MergeScene.sfid(number).utf8
            for column in columns {
                bytes += ",".utf8
                switch column.type {
                case .boolean: bytes += "false".utf8
                case .integer: bytes += "\(number + version)".utf8
                case .doublePrecision: bytes += "\(number).5".utf8
                case .timestamp: bytes += "2023-11-14T22:13:2\(version).000Z".utf8
                case .varchar(18): bytes += "005000000000001AAA".utf8
                default: bytes += "\(column.name.prefix(10)) \(number) \(version)".utf8
                }
            }
            bytes.append(10)
        }
        return (["Id"] + columns.map(\.source), bytes)
    }

    private func vacuum(_ scene: MergeScene) async throws {
        try await scene.pool.withConnection {
            try await $0.script("vacuum analyze \(scene.fixture.schema).account")
        }
    }

    /// Prints the wall-clock rate, and the processor time per row of this process and of the database's sessions. The
    /// latter do not depend on other load.
    private func measure(
        _ what: String, _ count: Int, _ scene: MergeScene, _ body: () async throws -> Void
    ) async throws {
        let pids: [Int] = try await scene.pool.query(
            "select pid from pg_stat_activity where datname = current_database()"
        ).column()
        func ticks() -> Int {
            pids.reduce(0) { sum, pid in
                let fields =
                    ((try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? "")
                    .split(separator: ")").last?.split(separator: " ").map(String.init) ?? []
                guard fields.count > 13 else { return sum }
                return sum + (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
            }
        }
        let (before, beforeHere) = (ticks(), clock())
        let time = try await ContinuousClock().measure { try await body() }
        let here = Int(clock() - beforeHere) / count
        print(
            "figure \(what): \(Int(Double(count) / time.timeInterval)) rows/s, per row \(here) us here and "
                + "\((ticks() - before) * 10_000 / count) us in postgres")
    }

    @Test(.timeLimit(.minutes(5)))
    func `figures`() async throws {
        try await withTables { scene in
            let merger = PageMerger(scene.account, pool: scene.pool)
            var read = PageMerger.Read(id: nil, startedAt: Date(), sources: [])
            func merge(_ version: Int) async throws {
                let page = page(scene, version)
                read.sources = page.sources
                var rest = page.bytes[...]
                try await measure("merge version \(version)", Self.rows, scene) {
                    _ = try await merger.merge(read, fence: { _ in }) {
                        let chunk = Array(rest.prefix(65_536))
                        rest = rest.dropFirst(65_536)
                        return chunk.isEmpty ? nil : chunk
                    }
                }
            }
            func bare(_ version: Int) async throws {
                let page = page(scene, version)
                let names = (["sfid"] + scene.account.readColumns.map(\.name))
                let table = "\(scene.fixture.schema).account"
                var rest = page.bytes[...]
                try await measure("bare version \(version)", Self.rows, scene) {
                    try await scene.pool.withConnection { connection in
                        try await connection.script(
                            """
                            set xmlbinary = 'hex'; drop table if exists bare;
                            create temp table bare as select \(names.joined(separator: ", ")) from \(table) limit 0
                            """)
                        let list = names.joined(separator: ", ")
                        _ = try await connection.copyIn(
                            SQL(
                                raw:
                                    "copy bare (\(list)) from stdin (format csv, header true, force_null (\(list)))"
                            )
                        ) { copy in
                            while !rest.isEmpty {
                                try await copy.write(Array(rest.prefix(65_536)))
                                rest = rest.dropFirst(65_536)
                            }
                        }
                        let assignments = names.dropFirst().map { "\($0) = b.\($0)" }.joined(separator: ", ")
                        try await connection.script(
                            "update \(table) t set \(assignments) from bare b where b.sfid = t.sfid; reset xmlbinary"
                        )
                    }
                }
                try await vacuum(scene)
            }
            try await merge(0)
            try await vacuum(scene)
            for version in [1, 3] {
                try await merge(version)
                try await vacuum(scene)
                try await bare(version + 1)
            }
            try await events(scene)
            let count = try await scene.rows("phone").count
            #expect(count == Self.rows)
        }
    }

    private func events(_ scene: MergeScene) async throws {
        let merger = RowMerger(scene.account)
        let columns = scene.account.readColumns
        for (batch, isFull) in [(200, false), (1_000, false), (1_000, true)] {
            let batches = (0..<10).map { number in
                (1...batch).map { index in
                    var cells: [String: String?] = [
                        "phone": "p\(number) \(index)", "name": "event \(number)",
                        "lastmodifieddate": "2023-11-14T22:14:00.000Z",
                    ]
                    if isFull {
                        for column in columns where column.type == .varchar(40) || column.type == .varchar(80)
                        {
                            cells[column.name] = "\(number) \(index)"
                        }
                    }
                    return RecordChange(
                        sfid: MergeScene.sfid(number * batch + index), kind: isFull ? .upsert : .patch,
                        stamp: MergeScene.at(isFull ? 200 : Double(batch)), cells: cells)
                }
            }
            try await measure("events in batches of \(batch)\(isFull ? ", full" : "")", batch * 10, scene) {
                for changes in batches { _ = try await scene.merge(changes, merger) }
            }
        }
    }
}
