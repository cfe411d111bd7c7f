import Foundation
import FoundationNetworking
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Outages: web reports them in time, workers wait, and nothing is lost.
    @Suite(.tags(.process))
    struct ReadinessTests {
        @Test func `during an outage of Postgres web is not ready and workers wait`() async throws {
            try await withLoop {
                let postgres = try await PrivatePostgres()
                defer { postgres.remove() }
                let rig = try QueueRig(databaseURL: postgres.url)
                defer { rig.stop() }
                let port = try Deployment.freePort()
                let web = try rig.startWeb(port: port)
                let worker = try await rig.startWorkers(1)[0]
                try await untilReady(port, web)
                let check = try rig.startCheck(300, milliseconds: 30)
                try await rig.untilEffects(50)

                postgres.kill()
                try await untilRefused(port)
                // Longer than the first attempts, so that the worker's pauses have grown.
                try await Task.sleep(for: .seconds(4))
                let before = try Self.processorTime(worker)
                try await Task.sleep(for: .seconds(2))
                let used = try Self.processorTime(worker) - before
                #expect(used < 0.5, "the worker tries again and again: \(used) s of 2 s")
                #expect(worker.isRunning && web.isRunning)

                try await postgres.restart()
                try await untilReady(port, web)
                try await rig.expectEachEffectOnce(check, jobs: 300)

                try await postgres.whileFrozen {
                    let begin = ContinuousClock.now
                    try await untilRefused(port)
                    #expect(ContinuousClock.now - begin < .seconds(5))
                }
                try await untilReady(port, web)
                try await expectQuickRefusal(port, without: rig.redis.program)
                try await untilReady(port, web)
                worker.kill()
                web.kill()
            }
        }

        /// A hanging Redis is reported in time, also if a new connection is needed.
        private func expectQuickRefusal(_ port: UInt16, without redis: Program) async throws {
            redis.signal(SIGSTOP)
            defer { redis.signal(SIGCONT) }
            for _ in 0..<2 {
                let begin = ContinuousClock.now
                #expect(await ask(port)?.readiness.redis == "does not answer")
                #expect(ContinuousClock.now - begin < .seconds(4))
            }
        }

        @Test func `a hung session does not delay other callers past their deadline`() async throws {
            try await withLoop {
                let postgres = try await PrivatePostgres()
                defer { postgres.remove() }
                var settings = PoolMachine.Settings(maximum: 4)
                settings.checkAfterIdle = .zero
                let pool = PostgresPool(
                    configuration: try PostgresConfiguration(url: postgres.url), settings: settings)
                defer { pool.close() }
                try await pool.withConnection { _ in
                    try await pool.withConnection { _ in try await pool.withConnection { _ in } }
                }
                #expect(pool.idleCount == 3)
                let waited = try await postgres.whileFrozen {
                    let begin = ContinuousClock.now
                    await #expect(throws: PostgresError.self) {
                        try await pool.withConnection(deadline: .now + .milliseconds(500)) { _ in }
                    }
                    return ContinuousClock.now - begin
                }
                #expect(waited < .seconds(2))
            }
        }

        private struct Readiness: Decodable {
            let database: String
            let redis: String
        }

        private func ask(_ port: UInt16) async -> (status: Int, readiness: Readiness)? {
            let url = URL(string: "http://127.0.0.1:\(port)/readyz")!
            guard let (data, response) = try? await URLSession.shared.data(from: url),
                let readiness = try? JSONDecoder().decode(Readiness.self, from: data)
            else { return nil }
            return ((response as! HTTPURLResponse).statusCode, readiness)
        }

        private func untilReady(_ port: UInt16, _ web: Program) async throws {
            try await eventually(within: .seconds(30), "web is ready\n\(web.output)") {
                await ask(port)?.status == 200
            }
        }

        private func untilRefused(_ port: UInt16) async throws {
            try await eventually(within: .seconds(20), "web is not ready") {
                guard let answer = await ask(port), answer.status == 503 else { return false }
                return answer.readiness.database == "does not answer" && answer.readiness.redis == "ok"
            }
        }

        /// The CPU time of a process in seconds (proc_pid_stat(5)).
        private static func processorTime(_ program: Program) throws -> Double {
            let text = try String(contentsOfFile: "/proc/\(program.pid)/stat", encoding: .utf8)
            let fields = text.split(separator: ")").last?.split(separator: " ").map(String.init) ?? []
            return ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / 100
        }
    }
}
