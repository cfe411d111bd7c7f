internal import Foundation
internal import Subprocess

/// The real Sidekiq from Debian's package, run as a process over a test's Redis.
package struct RubySidekiq: Sendable {
    package struct Failed: Error, CustomStringConvertible {
        package let description: String
    }

    package struct Page: Decodable, Sendable {
        package let status: Int
        package let body: String
    }

    package struct Stats: Decodable, Sendable {
        package struct History: Decodable, Sendable {
            package let processed: [String: Int]
            package let failed: [String: Int]
        }
        package let processed: Int
        package let failed: Int
        package let enqueued: Int
        package let scheduled: Int
        package let retries: Int
        package let dead: Int
        package let workers: Int
        package let queues: [String: Int]
        package let history: History
    }

    private struct Pushed: Decodable { let jid: String }
    private struct PushedAll: Decodable { let jids: [String] }
    private struct Pressed: Decodable { let status: Int }

    let redisURL: String

    package init(redisURL: String) { self.redisURL = redisURL }

    package func pages(_ paths: [String]) async throws -> [String: Page] {
        try await run(["pages"] + paths)
    }

    /// Presses a button: posts the fields to a path with the token of a page.
    package func press(_ path: String, on page: String, _ fields: [String: String] = [:]) async throws {
        let parts = fields.map { "\($0.key)=\($0.value)" }
        let pressed: Pressed = try await run(["press", page, path] + parts)
        guard pressed.status == 302 else {
            throw Failed(description: "\(path) answered \(pressed.status)")
        }
    }

    package func push(
        _ name: String, queue: String = "default", _ arguments: String = "[]", in seconds: Double? = nil
    )
        async throws -> String
    {
        let pushed: Pushed = try await run(
            ["push", name, queue, arguments] + (seconds.map { ["\($0)"] } ?? []))
        return pushed.jid
    }

    package func pushBulk(_ name: String, queue: String = "default", count: Int) async throws -> [String] {
        let pushed: PushedAll = try await run(["bulk", name, queue, "\(count)"])
        return pushed.jids
    }

    /// As a Rails application does: its own class, `perform_async` or `perform_in`.
    package func perform(_ name: String, _ arguments: String = "[]", in seconds: Double? = nil) async throws
        -> String
    {
        let pushed: Pushed = try await run(["perform", name, arguments] + (seconds.map { ["\($0)"] } ?? []))
        return pushed.jid
    }

    package func stats() async throws -> Stats { try await run(["stats"]) }

    private func run<Answer: Decodable & Sendable>(_ arguments: [String]) async throws -> Answer {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Interop/sidekiq_check.rb").path
        let answer = try await Subprocess.run(
            .name("ruby"), arguments: Arguments(["-W0", script] + arguments),
            environment: .inherit.updating(["REDIS_URL": redisURL]), output: .string(limit: 64 << 20),
            error: .string(limit: 1 << 20))
        guard answer.terminationStatus.isSuccess else {
            let text = answer.standardError
            throw Failed(description: "ruby \(arguments): \(text) (bin/setup --test installs ruby-sidekiq)")
        }
        return try JSONDecoder().decode(Answer.self, from: Data(answer.standardOutput.utf8))
    }
}
