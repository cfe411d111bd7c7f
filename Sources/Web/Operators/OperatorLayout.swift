import HTTPServer
import HTTPWire

/// The frame of the operators' pages.
struct OperatorLayout: Sendable {
    /// The name of this installation.
    let name: String

    /// The sections, as the navigation shows them.
    enum Section: String, CaseIterable {
        case jobs = "Jobs"
        case queues = "Queues"
        case workers = "Workers"
        case periodic = "Periodic"

        var path: String {
            switch self {
            case .jobs: "/dashboard/jobs"
            case .queues: "/dashboard/jobs/queues"
            case .workers: "/dashboard/jobs/workers"
            case .periodic: "/dashboard/jobs/periodic"
            }
        }
    }

    /// A whole page.
    ///
    /// - Parameter refresh: seconds after which the browser loads it again; nil: never.
    func page(_ title: String, in section: Section?, refresh: Int? = nil, _ content: HTML) -> Response {
        let refresh: HTML = refresh.map { "<meta http-equiv=\"refresh\" content=\"\(String($0))\">" } ?? ""
        let links = Section.allCases.map { each -> HTML in
            let mark: HTML = each == section ? "aria-current=\"page\"" : ""
            return "<a href=\"\(each.path)\" \(mark)>\(each.rawValue)</a>"
        }
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            \(refresh)
            <title>\(title) – \(name)</title>
            <link rel="stylesheet" href="\(OperatorStyle.path)">
            </head>
            <body>
            <header><a class="brand" href="/dashboard/jobs">\(name)</a><nav>\(links)</nav></header>
            <main>
            \(content)
            </main>
            </body>
            </html>

            """
        return .html(page.markup)
    }

    /// A page that only says something.
    func notice(_ title: String, _ status: Status, _ text: HTML) -> Response {
        var response = page(
            title, in: nil, "<section class=\"card narrow\"><h1>\(title)</h1>\(text)</section>")
        response.status = status
        return response
    }
}
