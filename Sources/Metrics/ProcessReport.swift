/// What a process says of itself every few seconds, for whoever is asked for all of them.
package struct ProcessReport: Sendable, Equatable {
    /// What it runs as: `web`, `worker`.
    package let role: String
    /// Its name: no spaces.
    package let identity: String
    /// What it measured, by the metric's name.
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

    /// The report that a text is; what cannot be read of it is left out.
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

/// What processes measure of themselves. The names that begin with `process_` are those of Prometheus' own libraries.
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
        "multiconnect_postgres_connections_idle", .gauge, "Of these, the ones that nobody uses.")
    package static let databaseWaiters = Metric(
        "multiconnect_postgres_waiters", .gauge, "Tasks of a process that wait for such a connection.")

    /// All of them, in the order of the page.
    package static let all = [
        residentMemory, cpuTime, openDescriptors, maximumDescriptors, startTime, httpConnections,
        databaseConnections, idleDatabaseConnections, databaseWaiters,
    ]
}
