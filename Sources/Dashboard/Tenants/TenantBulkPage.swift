import HTTPWire
import Jobs
import Pages
import TenantAdmin

/// Asks for confirmation before an action on all tenants that match the filter.
struct TenantBulkPage: Sendable {
    static let restField = "rest"

    let action: TenantAction
    let query: TenantQuery
    let count: JobCount
    /// Where the action continues after it ran out of time.
    let rest: TenantPosition?
    let token: FormToken
    let notice: ActionNotice?

    var title: String { "\(action.title) all matching tenants" }

    static func path(_ action: TenantAction) -> String { "\(TenantQuery.path)/bulk/\(action.rawValue)" }

    var content: HTML {
        let complaints = query.complaints.map {
            "<p class=\"notice bad\" role=\"alert\">\($0)</p>" as HTML
        }
        return """
            <section class="card narrow"><h1>\(title)</h1>\(notice?.content ?? "")\(complaints)
            <dl class="facts"><dt>Filter</dt><dd>\(query.filter.text)</dd></dl><p></p>\(question)</section>
            """
    }

    private var question: HTML {
        let back: HTML = "<a class=\"button\" href=\"\(query.link())\">Back to the list</a>"
        // An invalid field is left out of the filter, so the action would apply to other tenants.
        guard count.value > 0, query.complaints.isEmpty else {
            let text = rest == nil ? "No matching tenant allows it." : "No other tenant allows it."
            return "<p>\(text)</p><div class=\"actions\">\(back)</div>"
        }
        var fields = query.fields
        if let rest { fields.append(.init(name: Self.restField, value: "\(rest)")) }
        let hidden = fields.map {
            "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">" as HTML
        }
        let form: HTML = """
            <form method="post" action="\(Self.path(action))">\(token.input)\(hidden)
            <div class="actions"><button class="main">\(action.title) \(count.of("tenant"))</button>\(back)
            </div></form>
            """
        return "<p><b>\(count.of("tenant"))</b> can be changed. \(action.explanation)</p>\(form)"
    }
}

extension TenantAction {
    /// The text of this action's button.
    var title: String {
        switch self {
        case .pause: "Pause"
        case .resume: "Resume"
        case .retry: "Retry"
        case .mail: "Mail the link again to"
        }
    }

    /// The text of this action's button in a list.
    var short: String { self == .mail ? "Mail again" : title }

    /// The effect, shown before the action is confirmed.
    var explanation: String {
        switch self {
        case .pause: "Their changes are not read and nothing is imported. Local changes are still captured."
        case .resume: "Their sync continues where it stopped."
        case .retry: "Their failed steps start again."
        case .mail: "Admins who were mailed within the last hour get no other mail."
        }
    }

    /// The outcome of an action on tenants.
    var pastTense: String {
        switch self {
        case .pause: "paused"
        case .resume: "resumed"
        case .retry: "retried"
        case .mail: "mailed"
        }
    }
}
