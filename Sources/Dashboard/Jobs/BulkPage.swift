import HTTPWire
import JobAdmin
import Jobs
import Pages

/// Asks for confirmation before an action on all jobs that match the filter.
struct BulkPage: Sendable {
    static let restField = "rest"

    let action: JobAction
    let query: JobQuery
    let count: JobCount
    /// Why no job can match: the filter has only states that the action does not apply to.
    let refusal: String?
    /// Where the action continues after it ran out of time.
    let rest: BulkPosition?
    let token: FormToken
    let notice: ActionNotice?

    var title: String { "\(action.title) all matching jobs" }

    var content: HTML {
        let complaints = (query.complaints + [refusal].compactMap(\.self)).map {
            "<p class=\"notice bad\" role=\"alert\">\($0)</p>" as HTML
        }
        return """
            <section class="card narrow"><h1>\(title)</h1>\(notice?.content ?? "")\(complaints)
            <dl class="facts">\(facts)</dl>
            <p></p>\(question)</section>
            """
    }

    private var facts: [HTML] {
        let possible = query.states.isEmpty ? action.states : query.states.intersection(action.states)
        let states = possible.isEmpty ? query.states : possible
        var facts: [(String, String)] = [
            ("state", JobState.allCases.filter(states.contains).map(\.rawValue).joined(separator: ", "))
        ]
        facts += query.fields.filter { $0.name != JobQuery.stateField }.map {
            ($0.name, $0.value)
        }
        return facts.map { "<dt>\($0)</dt><dd>\($1)</dd>" }
    }

    private var question: HTML {
        let back: HTML = "<a class=\"button\" href=\"\(query.link())\">Back to the list</a>"
        // An invalid field is left out of the filter, so the action would apply to other jobs.
        guard count != JobCount(0), query.complaints.isEmpty else {
            let text = rest == nil ? "No job matches." : "No other job matches."
            return "<p>\(text)</p><div class=\"actions\">\(back)</div>"
        }
        var form = Form(query.fields)
        if let rest { form.fields.append(.init(name: Self.restField, value: "\(rest)")) }
        let fields = form.fields.map {
            "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">" as HTML
        }
        let style = action.isFinal ? "sure" : "main"
        // Counting stops early, so rare matches may not have been found yet.
        let isKnown = count.value > 0
        let found: HTML =
            isKnown
            ? "<b>\(count.of("job"))</b> \(count.isOne ? "matches" : "match")."
            : "No match was found while counting. There may still be some."
        let what = isKnown ? count.of("job") : "all matches"
        return """
            <p>\(found) \(action.explanation)</p>
            <form method="post" action="/dashboard/jobs/bulk/\(action.rawValue)">\(token.input)\(fields)
            <div class="actions"><button class="\(style)">\(action.title) \(what)</button>\(back)</div></form>
            """
    }
}
