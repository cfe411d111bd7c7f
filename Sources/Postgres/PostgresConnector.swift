import CPostgres
import Reactor

/// Opens connections: resolves names, tries one address after the other, stops at a deadline.
struct PostgresConnector {
    let configuration: PostgresConfiguration

    func connect(deadline: ContinuousClock.Instant) async throws -> PostgresLink {
        let targets = try ConnectionTarget.targets(of: configuration.options)
        var attempts: [ConnectionTarget] = []
        var failure = PostgresError(.connection, "there is no host to connect to")
        for target in targets {
            do {
                attempts += try await resolve(target, deadline: deadline)
            } catch let error as ReactorError {
                failure = PostgresError(.connection, error.description)
            }
        }
        for (index, attempt) in attempts.enumerated() {
            do {
                // An address that does not answer uses only its share of the remaining time.
                let share = (deadline - .now) / (attempts.count - index)
                return try await connect(to: attempt, deadline: .now + share)
            } catch let error as PostgresError {
                failure = error
                // A server has refused: the other addresses belong to the same server.
                if error.sqlState?.isAuthentication ?? false { break }
            }
        }
        throw failure
    }

    private func resolve(
        _ target: ConnectionTarget, deadline: ContinuousClock.Instant
    ) async throws -> [ConnectionTarget] {
        guard let name = target.nameToResolve else { return [target] }
        return try await Resolver.resolve(host: name, port: 0, deadline: deadline).map { address in
            var resolved = target
            resolved.address = address.ipText
            return resolved
        }
    }

    /// libpq's parameters for one attempt.
    func parameters(for target: ConnectionTarget) -> [String: String] {
        var parameters = configuration.options
        parameters["host"] = target.host
        parameters["hostaddr"] = target.address
        parameters["port"] = target.port
        parameters["application_name"] = configuration.applicationName
        parameters["client_encoding"] = "UTF8"
        // Requesting a GSS ticket blocks.
        parameters["gssencmode"] = "disable"
        // Detects a vanished server within about a minute, also on a connection that only listens.
        let keepalive = ["keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"]
        for (keyword, value) in keepalive where parameters[keyword] == nil { parameters[keyword] = value }
        if parameters["tcp_user_timeout"] == nil { parameters["tcp_user_timeout"] = "60000" }
        return parameters
    }

    private func connect(
        to target: ConnectionTarget, deadline: ContinuousClock.Instant
    ) async throws -> PostgresLink {
        let pointer = unsafe try start(parameters(for: target))
        do {
            try await unsafe poll(pointer, target, deadline: deadline)
            return try unsafe PostgresLink(adopting: pointer)
        } catch {
            unsafe PQfinish(pointer)
            throw error
        }
    }

    private func start(_ parameters: [String: String]) throws(PostgresError) -> OpaquePointer {
        // One block of C strings, keywords and values alternating.
        var bytes: [CChar] = []
        var offsets: [(keyword: Int, value: Int)] = []
        for (keyword, value) in parameters {
            let start = bytes.count
            bytes.append(contentsOf: keyword.utf8CString)
            offsets.append((start, bytes.count))
            bytes.append(contentsOf: value.utf8CString)
        }
        let connection = unsafe bytes.withUnsafeBufferPointer { buffer in
            // SAFETY: libpq copies the strings before it returns; both arrays end with a null pointer.
            let base = buffer.baseAddress
            let keywords = unsafe offsets.map { unsafe base?.advanced(by: $0.keyword) } + [nil]
            let values = unsafe offsets.map { unsafe base?.advanced(by: $0.value) } + [nil]
            return unsafe PQconnectStartParams(keywords, values, 0)
        }
        guard let connection = unsafe connection else {
            throw PostgresError(.connection, "out of memory")
        }
        // libpq 15 reports the SQLSTATE of a refusal only in its message.
        _ = unsafe PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        return unsafe connection
    }

    private func poll(
        _ pointer: OpaquePointer, _ target: ConnectionTarget, deadline: ContinuousClock.Instant
    ) async throws {
        var status = unsafe PQstatus(pointer) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        while status != PGRES_POLLING_OK {
            if status == PGRES_POLLING_FAILED {
                let message = unsafe String(cString: PQerrorMessage(pointer))
                throw PostgresError(.connection, message, sqlState: SQLState.inVerboseMessage(message))
            }
            // libpq may have switched to another descriptor, perhaps with the same number.
            let readiness = try Readiness(descriptor: unsafe PQsocket(pointer))
            defer { readiness.close() }
            do {
                if status == PGRES_POLLING_READING {
                    try await readiness.readable(deadline: deadline)
                } else {
                    try await readiness.writable(deadline: deadline)
                }
            } catch let error as ReactorError where error.code == .timedOut {
                throw PostgresError(.timedOut, "\(target) did not accept a connection in time")
            }
            readiness.close()
            status = unsafe PQconnectPoll(pointer)
        }
    }
}
