import HTTPServer
import HTTPWire
import Pages

/// The layout of the operators' pages: the header with the navigation, and the content.
struct DashboardLayout: Sendable {
    static let stylesheet = StaticText(path: "/operators.css", text: DashboardStyle.text, lifetime: 600)

    static let script = StaticText(
        path: "/operators.js", type: "javascript", text: PageScript.text + LiveScript.text, lifetime: 600)

    private let frame: PageFrame

    init(name: String) {
        frame = PageFrame(name: name, stylesheet: Self.stylesheet)
    }

    /// The sections in the navigation.
    enum Section: String, CaseIterable {
        case overview = "Overview"
        case tenants = "Tenants"
        case jobs = "Jobs"
        case queues = "Queues"
        case workers = "Workers"
        case periodic = "Periodic"
        case webhooks = "Webhooks"
        case activity = "Activity"
        case mail = "Mail"
        case system = "System"
        case account = "Account"

        fileprivate var path: String {
            switch self {
            case .overview: "/dashboard"
            case .tenants: "/dashboard/tenants"
            case .jobs: "/dashboard/jobs"
            case .queues: "/dashboard/jobs/queues"
            case .workers: "/dashboard/jobs/workers"
            case .periodic: "/dashboard/jobs/periodic"
            case .webhooks: "/dashboard/webhooks"
            case .activity: "/dashboard/activity"
            case .mail: "/dashboard/mail"
            case .system: "/dashboard/system"
            case .account: "/dashboard/account"
            }
        }
    }

    /// A page with the navigation and `content`.
    ///
    /// - Parameters:
    ///   - refresh: seconds after which the browser reloads the page; nil: never.
    ///   - live: the stream that updates the page; nil: none.
    func page(
        _ title: String, in section: Section?, refresh: Int? = nil, live: LivePage? = nil, _ content: HTML
    ) -> Response {
        let links = Section.allCases.map { each -> HTML in
            let mark: HTML = each == section ? "aria-current=\"page\"" : ""
            return "<a href=\"\(each.path)\" \(mark)>\(each.rawValue)</a>"
        }
        let page = frame.document(
            title, refresh: refresh, script: Self.script,
            body: """
                <header><a class="brand" href="/dashboard">\(frame.name)</a><nav>\(links)</nav>
                \(live?.sign ?? "")</header>
                <main \(live?.attribute ?? "")>
                \(content)
                </main>
                """)
        return .html(page.markup)
    }

    /// A page without the navigation, for those who have not logged in.
    func bare(_ title: String, _ content: HTML) -> Response {
        let header: HTML = "<header><span class=\"brand\">\(frame.name)</span></header>"
        return .html(frame.document(title, body: "\(header)<main>\(content)</main>").markup)
    }

    /// A page with a message only.
    func notice(_ title: String, _ status: Status, _ text: HTML) -> Response {
        var response = page(
            title, in: nil, "<section class=\"card narrow\"><h1>\(title)</h1>\(text)</section>")
        response.status = status
        return response
    }
}
