/// The report that a process writes every few seconds.
package struct ProcessReport: Sendable, Equatable {
    /// The role: `web` or `worker`.
    package let role: String
    /// The identity, without spaces.
    package let identity: String
    /// Values by the metric's name.
    package private(set) var values: [String: Double] = [:]

    package init(role: String, identity: String) {
        self.role = role
        self.identity = identity
    }

    package subscript(_ metric: Metric) -> Double? {
        get { values[metric.name] }
        set { values[metric.name] = newValue }
    }

    /// The report as text: the role, then names and values.
    var text: String {
        ([role] + values.sorted { $0.key < $1.key }.map { "\($0.key) \(Exposition.number($0.value))" })
            .joined(separator: "\n")
    }

    /// Parses a report. Invalid parts are skipped.
    init(identity: String, text: Substring) {
        let lines = text.split(separator: "\n")
        role = lines.first.map(String.init) ?? ""
        self.identity = identity
        for line in lines.dropFirst() {
            let words = line.split(separator: " ")
            guard words.count == 2, let value = Double(words[1]) else { continue }
            values[String(words[0])] = value
        }
    }
}

/// The metrics of a process. The names with `process_` are those of Prometheus' client libraries.
package enum ProcessMetric {
    package static let residentMemory = Metric(
        "process_resident_memory_bytes", .gauge, "Resident memory of a process.")
    package static let cpuTime = Metric(
        "process_cpu_seconds_total", .counter, "Processor time that a process has used, user and system.")
    package static let openDescriptors = Metric("process_open_fds", .gauge, "Open file descriptors.")
    package static let maximumDescriptors = Metric(
        "process_max_fds", .gauge, "How many file descriptors a process may open.")
    package static let startTime = Metric(
        "process_start_time_seconds", .gauge, "When a process was started, in seconds since 1970.")
    package static let httpConnections = Metric(
        "multiconnect_http_connections", .gauge, "Open connections of clients to a web process.")
    package static let databaseConnections = Metric(
        "multiconnect_postgres_connections", .gauge,
        "Postgres connections of a process' pools to the control database.")
    package static let idleDatabaseConnections = Metric(
        "multiconnect_postgres_connections_idle", .gauge, "Idle connections among these.")
    package static let databaseWaiters = Metric(
        "multiconnect_postgres_waiters", .gauge, "Tasks of a process that wait for such a connection.")

    package static let loopLag = Metric(
        "multiconnect_loop_lag_seconds", .gauge,
        "Longest delay of a timer of a process' event loops in the last 5 to 10 seconds.")

    /// All metrics, in the order of the page.
    package static let all = [
        residentMemory, cpuTime, openDescriptors, maximumDescriptors, startTime, httpConnections,
        databaseConnections, idleDatabaseConnections, databaseWaiters, loopLag,
    ]
}
