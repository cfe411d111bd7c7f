import HTTPWire
import Jobs

/// The question before something is done to all jobs that fit.
struct BulkPage: Sendable {
    static let restField = "rest"

    let action: JobAction
    let query: JobQuery
    let count: JobCount
    /// Why no job can fit, when the states asked for do not allow the action.
    let refusal: String?
    /// Where an action goes on whose time was up.
    let rest: BulkPosition?
    let token: FormToken
    let notice: OperatorNotice?

    var title: String { "\(action.title) all that fit" }

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
        // A filter that was not understood would mean other jobs.
        guard count != JobCount(0), query.complaints.isEmpty else {
            return
                "<p>\(rest == nil ? "No job fits." : "No other job fits.")</p><div class=\"actions\">\(back)</div>"
        }
        var form = Form(query.fields)
        if let rest { form.fields.append(.init(name: Self.restField, value: "\(rest)")) }
        let fields = form.fields.map {
            "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">" as HTML
        }
        let style = action.isFinal ? "sure" : "main"
        // Counting is given up early: a rare one may be far behind.
        let isKnown = count.value > 0
        let found: HTML =
            isKnown
            ? "<b>\(count.of("job"))</b> \(count.isOne ? "fits" : "fit")." : "None that fits was met so far."
        let what = isKnown ? count.of("job") : "what is met"
        return """
            <p>\(found) \(action.explanation)</p>
            <form method="post" action="/dashboard/jobs/bulk/\(action.rawValue)">\(token.input)\(fields)
            <div class="actions"><button class="\(style)">\(action.title) \(what)</button>\(back)</div></form>
            """
    }
}
