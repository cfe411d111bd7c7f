import HTTPServer
import HTTPWire
import Pages

/// The layout of the operators' pages: the header with the navigation, and the content.
struct DashboardLayout: Sendable {
    static let stylesheet = Stylesheet(path: "/operators.css", text: DashboardStyle.text, lifetime: 600)

    private let frame: PageFrame

    init(name: String) {
        frame = PageFrame(name: name, stylesheet: Self.stylesheet)
    }

    /// The sections in the navigation.
    enum Section: String, CaseIterable {
        case tenants = "Tenants"
        case jobs = "Jobs"
        case queues = "Queues"
        case workers = "Workers"
        case periodic = "Periodic"

        fileprivate var path: String {
            switch self {
            case .tenants: "/dashboard/tenants"
            case .jobs: "/dashboard/jobs"
            case .queues: "/dashboard/jobs/queues"
            case .workers: "/dashboard/jobs/workers"
            case .periodic: "/dashboard/jobs/periodic"
            }
        }
    }

    /// A page with the navigation and `content`.
    ///
    /// - Parameter refresh: seconds after which the browser reloads the page; nil: never.
    func page(_ title: String, in section: Section?, refresh: Int? = nil, _ content: HTML) -> Response {
        let links = Section.allCases.map { each -> HTML in
            let mark: HTML = each == section ? "aria-current=\"page\"" : ""
            return "<a href=\"\(each.path)\" \(mark)>\(each.rawValue)</a>"
        }
        let page = frame.document(
            title, refresh: refresh,
            body: """
                <header><a class="brand" href="/dashboard/jobs">\(frame.name)</a><nav>\(links)</nav></header>
                <main>
                \(content)
                </main>
                """)
        return .html(page.markup)
    }

    /// A page with a message only.
    func notice(_ title: String, _ status: Status, _ text: HTML) -> Response {
        var response = page(
            title, in: nil, "<section class=\"card narrow\"><h1>\(title)</h1>\(text)</section>")
        response.status = status
        return response
    }
}
