import FoundationEssentials
import HTTPWire
import JobAdmin
import Jobs

/// The query of a job list's URL: the filter, as it was typed, the order and the position. All of the list's
/// state is in the URL, so lists can be bookmarked and shared.
struct JobQuery: Sendable {
    static let stateField = "state"
    static let orderField = "order"
    static let afterField = "after"
    static let refreshField = "refresh"
    /// The text fields, in the order of the form.
    static let textFields = ["class", "queue", "tenant", "error", "args", "since", "until"]

    var states: Set<JobState> = []
    private(set) var texts: [String: String] = [:]
    var order: JobOrder?
    var after: JobPosition?
    /// Whether the page reloads itself every few seconds.
    var refreshes = false
    /// Messages about invalid fields.
    private(set) var complaints: [String] = []

    init(_ form: Form) {
        for text in form.values(Self.stateField) where !text.isEmpty {
            if let state = JobState(rawValue: text) {
                states.insert(state)
            } else {
                complaints.append("“\(text)” is not a job state.")
            }
        }
        for name in Self.textFields {
            let text = form[name]?.trimmed ?? ""
            if !text.isEmpty { texts[name] = text }
        }
        if let text = form[Self.orderField], !text.isEmpty {
            order = JobOrder(rawValue: text)
            if order == nil { complaints.append("“\(text)” is not an order.") }
        }
        if let text = form[Self.afterField], !text.isEmpty {
            after = JobPosition(text)
            if after == nil {
                complaints.append("The URL has an invalid position. This is the first page.")
            }
        }
        refreshes = form[Self.refreshField] == "on"
    }

    /// The filter. Adds a complaint for each invalid field and leaves the field out. A tenant that does not
    /// exist matches no job.
    mutating func filter(_ tenants: TenantLookup, now: Date = Date()) async throws -> JobFilter {
        var filter = JobFilter()
        filter.states = states
        filter.className = texts["class"]
        filter.queue = texts["queue"]
        filter.error = texts["error"]
        filter.arguments = texts["args"]
        filter.since = time("since", now)
        filter.until = time("until", now)
        if let text = texts["tenant"] {
            filter.organizationID = try await tenants.search(text)
            if filter.organizationID == nil {
                complaints.append(
                    "There is no tenant “\(text)”, or more than one. Enter an org id, or more of the name.")
                // No tenant has this id.
                filter.organizationID = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
            }
        }
        return filter
    }

    private mutating func time(_ name: String, _ now: Date) -> Date? {
        guard let text = texts[name] else { return nil }
        if let time = PointInTime(text, now: now) { return time.date }
        complaints.append("“\(text)” is not a time: write 30m, 2h or 7d (ago), or 2026-11-21T08:00:00Z.")
        return nil
    }

    /// The fields of the filter.
    var fields: [Form.Field] {
        JobState.allCases.filter(states.contains).map { .init(name: Self.stateField, value: $0.rawValue) }
            + Self.textFields.compactMap { name in texts[name].map { .init(name: name, value: $0) } }
    }

    /// Whether the URL has no query: the first page after the login.
    var isPlain: Bool { states.isEmpty && texts.isEmpty && order == nil && after == nil }

    /// Whether the filter has more than states.
    var isNarrow: Bool { !texts.isEmpty }

    /// The URL of this list, from the first page or after a position.
    func link(_ path: String = "/dashboard/jobs", after: JobPosition? = nil) -> String {
        var form = Form(fields)
        if let order { form.fields.append(.init(name: Self.orderField, value: order.rawValue)) }
        if refreshes { form.fields.append(.init(name: Self.refreshField, value: "on")) }
        if let after { form.fields.append(.init(name: Self.afterField, value: "\(after)")) }
        return form.fields.isEmpty ? path : "\(path)?\(form.encoded)"
    }

    /// A copy with another value in one text field; nil removes it.
    func with(_ name: String, _ text: String?) -> JobQuery {
        var query = self
        query.texts[name] = text
        return query
    }

    /// A copy with other states.
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
