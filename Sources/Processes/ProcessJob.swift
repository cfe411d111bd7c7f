package import Cryptography
internal import Encoding
internal import Feeds
internal import FoundationEssentials
package import HTTPClient
package import Jobs
internal import Organizations
package import Postgres
internal import Replication

/// The job of a run: gets the result from a built-in process or from the ISV's app, and writes it to the
/// record's row, from which the write path brings it to the org.
///
/// A crash repeats the process. Its result is written once more, which changes nothing.
package struct ProcessJob: Sendable {
    package static let className = "RunProcess"

    /// Processes of this program by name: input to the result's text.
    static let builtIn: [String: @Sendable (JSONValue) async throws -> String] = [
        "resize_image": { try await ImageResizer(input: $0).run() }
    ]

    /// Limits of runs.
    private enum Limits {
        static let attempts = 8
        static let timeout = Duration.seconds(150)
        /// The app's answer.
        static let appDeadline = Duration.seconds(120)
        static let answerBytes = 2 << 20
        /// Runs that a worker performs at once.
        static let atOnce = 2
    }

    private let control: PostgresPool
    private let cells: [String: PostgresPool]
    private let http: HTTPClient
    private let keys: KeyRing
    private let addresses: AddressRule

    package init(
        control: PostgresPool, cells: [String: PostgresPool], http: HTTPClient, keys: KeyRing,
        addresses: AddressRule
    ) {
        self.control = control
        self.cells = cells
        self.http = http
        self.keys = keys
        self.addresses = addresses
    }

    static func job(_ run: UUID, of organization: UUID) -> NewJob {
        NewJob(
            className, arguments: [run.uuidString.lowercased()], organizationID: organization,
            queue: "processes", uniqueKey: "process:\(run.uuidString.lowercased())")
    }

    static func context(_ name: String) -> SealContext {
        SealContext(organizationID: "process \(name)", purpose: "process target")
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(
            Self.className, timeout: Limits.timeout, maximumAttempts: Limits.attempts,
            concurrency: Limits.atOnce
        ) { context in
            try await run(context)
        }
    }

    private func run(_ context: JobContext) async throws -> JobOutcome {
        guard let id = UUID(uuidString: try context.argument(0, as: String.self)),
            let run = try await control.withConnection({ try await ProcessStore(on: $0).find(id) }),
            run.isOpen
        else { return .done }
        do {
            let result = try await result(of: run)
            try context.checkClaim()
            try await ResultWriter(control: control, cells: cells).write(result, of: run)
            try await end(run, error: nil)
            return .done
        } catch let error as ProcessesError
            where error.isFinal || context.failures + 1 >= context.maximumAttempts
        {
            // The run's row has the reason; another attempt would have the same result.
            try await end(run, error: error.description)
            return .done
        }
    }

    private func end(_ run: ProcessRun, error: String?) async throws {
        try await control.withConnection { connection in
            try await ProcessStore(on: connection).end(run.id, error: error)
        }
    }

    private func result(of run: ProcessRun) async throws -> String {
        if let process = Self.builtIn[run.name] { return try await process(run.input) }
        let sealed = try await control.withConnection { try await ProcessStore(on: $0).target(of: run.name) }
        guard let sealed else { throw ProcessesError(.refused, "there is no process \(run.name)") }
        let plain: Secret
        do {
            plain = try keys.open(sealed, context: Self.context(run.name))
        } catch {
            throw ProcessesError(
                .unavailable, "the URL of the process \(run.name) cannot be opened: \(error)")
        }
        return try await ask(try FeedTarget(plain: plain), run)
    }

    /// Sends the call to the app, signed like a webhook. The answer has the result's text.
    private func ask(_ target: FeedTarget, _ run: ProcessRun) async throws -> String {
        let body = JSONText.object([
            ("id", .string(run.id.uuidString.lowercased())), ("process", .string(run.name)),
            ("organization", .string(run.organization.uuidString.lowercased())),
            ("object", .string(run.object)), ("record_id", .string(run.record)),
            ("input", .raw(run.input.serialized)),
        ]).encoded
        var request = DeliveryRequest.request(
            DeliveryRequest.id(run.id), body, to: target, at: Date(), addresses: addresses)
        request.deadline = .now + Limits.appDeadline
        request.idleTimeout = Limits.appDeadline
        request.maximumBytes = Limits.answerBytes
        let answer: ClientResponse
        do {
            answer = try await http.send(request)
        } catch {
            if error is CancellationError { throw error }
            throw ProcessesError(.unavailable, "the process does not answer: \(error)")
        }
        guard (200..<300).contains(answer.status) else {
            let isRetried = answer.status >= 500 || [408, 425, 429].contains(answer.status)
            throw ProcessesError(
                isRetried ? .unavailable : .refused, "the process answered status \(answer.status)")
        }
        guard let result = (try? JSONValue(parsing: answer.body))?["result"]?.string else {
            throw ProcessesError(.refused, "the answer of the process has no text as result")
        }
        return result
    }
}
