import HTTPWire
import JobAdmin
import Jobs
import Pages

/// Asks for confirmation before a final action on selected jobs.
struct SelectedJobsPage: Sendable {
    static let confirmField = "confirmed"

    let action: JobAction
    let ids: [JobID]
    /// The list to return to.
    let query: JobQuery
    let token: FormToken

    var title: String { "\(action.title) \(JobCount(ids.count).of("job"))" }

    var content: HTML {
        let fields =
            query.fields.map { ($0.name, $0.value) } + ids.map { ("id", $0.text) }
            + [("action", action.rawValue), (Self.confirmField, "yes")]
        let hidden = fields.map { "<input type=\"hidden\" name=\"\($0)\" value=\"\($1)\">" as HTML }
        let names = ids.prefix(10).map { "<li><code>\($0.text)</code></li>" as HTML }
        let rest: HTML = ids.count > 10 ? "<li>and \(String(ids.count - 10)) more</li>" : ""
        return """
            <section class="card narrow"><h1>\(title)</h1><p>\(action.explanation)</p>
            <ul>\(names)\(rest)</ul>
            <form method="post" action="/dashboard/jobs/selected">\(token.input)\(hidden)<div class="actions">
            <button class="sure">\(title)</button>
            <a class="button" href="\(query.link())">Back to the list</a></div></form></section>
            """
    }
}
