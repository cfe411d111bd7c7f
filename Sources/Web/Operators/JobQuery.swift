import FoundationEssentials
import HTTPWire
import Jobs
import Organizations
import Postgres
import Salesforce

/// The address of a list of jobs: what a person chose, as it was typed. The address is all there is to it, so
/// lists can be bookmarked and sent to somebody.
struct JobQuery: Sendable {
    static let stateField = "state"
    static let orderField = "order"
    static let afterField = "after"
    static let refreshField = "refresh"
    /// Fields with one text, in the order of the form.
    static let textFields = ["class", "queue", "tenant", "error", "args", "since", "until"]

    var states: Set<JobState> = []
    private(set) var texts: [String: String] = [:]
    var order: JobOrder?
    var after: JobPosition?
    /// Whether the page loads itself again every few seconds.
    var refreshes = false
    /// What was not understood.
    private(set) var complaints: [String] = []

    init(_ form: Form) {
        for text in form.values(Self.stateField) where !text.isEmpty {
            if let state = JobState(rawValue: text) {
                states.insert(state)
            } else {
                complaints.append("There is no state “\(text)”.")
            }
        }
        for name in Self.textFields {
            let text = form[name]?.trimmed ?? ""
            if !text.isEmpty { texts[name] = text }
        }
        if let text = form[Self.orderField], !text.isEmpty {
            order = JobOrder(rawValue: text)
            if order == nil { complaints.append("There is no order “\(text)”.") }
        }
        if let text = form[Self.afterField], !text.isEmpty {
            after = JobPosition(text)
            if after == nil {
                complaints.append("The address names no place in the list: this is its beginning.")
            }
        }
        refreshes = form[Self.refreshField] == "on"
    }

    /// The filter. What cannot be understood is complained about and left out, a tenant that does not exist
    /// fits nothing.
    mutating func filter(_ pool: PostgresPool, now: Date = Date()) async throws -> JobFilter {
        var filter = JobFilter()
        filter.states = states
        filter.className = texts["class"]
        filter.queue = texts["queue"]
        filter.error = texts["error"]
        filter.arguments = texts["args"]
        filter.since = time("since", now)
        filter.until = time("until", now)
        if let text = texts["tenant"] {
            filter.organizationID = try await tenant(text, pool)
            if filter.organizationID == nil {
                complaints.append("There is no tenant “\(text)”: give its org id.")
                // An id that no tenant has.
                filter.organizationID = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
            }
        }
        return filter
    }

    private mutating func time(_ name: String, _ now: Date) -> Date? {
        guard let text = texts[name] else { return nil }
        if let time = PointInTime(text, now: now) { return time.date }
        complaints.append("“\(text)” is no time: 30m, 2h or 7d ago, or as 2026-11-21T08:00:00Z.")
        return nil
    }

    private func tenant(_ text: String, _ pool: PostgresPool) async throws -> UUID? {
        if let id = UUID(uuidString: text) { return id }
        guard let organization = try? OrganizationID(text) else { return nil }
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(organization) }?.id
    }

    /// The fields that say which jobs are meant.
    var fields: [Form.Field] {
        JobState.allCases.filter(states.contains).map { .init(name: Self.stateField, value: $0.rawValue) }
            + Self.textFields.compactMap { name in texts[name].map { .init(name: name, value: $0) } }
    }

    /// Whether nothing is said at all: the page that everybody comes to first.
    var isPlain: Bool { states.isEmpty && texts.isEmpty && order == nil && after == nil }

    /// Whether more is said than states.
    var isNarrow: Bool { !texts.isEmpty }

    /// The address of this list, from its beginning unless `after` says where.
    func link(_ path: String = "/dashboard/jobs", after: JobPosition? = nil) -> String {
        var form = Form(fields)
        if let order { form.fields.append(.init(name: Self.orderField, value: order.rawValue)) }
        if refreshes { form.fields.append(.init(name: Self.refreshField, value: "on")) }
        if let after { form.fields.append(.init(name: Self.afterField, value: "\(after)")) }
        return form.fields.isEmpty ? path : "\(path)?\(form.encoded)"
    }

    /// The same with another text in one field; nil takes it out.
    func with(_ name: String, _ text: String?) -> JobQuery {
        var query = self
        query.texts[name] = text
        return query
    }

    /// The same with other states.
    func with(_ states: Set<JobState>) -> JobQuery {
        var query = self
        query.states = states
        query.order = nil
        return query
    }
}

extension String {
    /// Without white space around it.
    fileprivate var trimmed: String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
        while rest.last?.isWhitespace == true { rest = rest.dropLast() }
        return String(rest)
    }
}
