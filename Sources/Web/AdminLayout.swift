import HTTPServer
import HTTPWire
import Organizations
import Pages

/// The layout of the pages for admins.
struct AdminLayout: Sendable {
    private let frame: PageFrame
    private let brand: Brand

    init(brand: Brand) {
        self.brand = brand
        frame = PageFrame(name: brand.name, stylesheet: Self.stylesheet)
    }

    /// The name of the product.
    var name: String { brand.name }

    /// The address for questions, if there is one.
    var support: HTML? {
        brand.support.map { "<a href=\"mailto:\($0.text)\">\($0.text)</a>" }
    }

    private var logo: HTML {
        // The name follows, so the image says nothing more.
        brand.logo.map { "<img src=\"\($0.url)\" alt=\"\" height=\"28\">" } ?? ""
    }

    private var footer: HTML {
        support.map { "<footer>Questions? Write to \($0).</footer>" } ?? ""
    }

    /// A page with a header, a title and `content`.
    ///
    /// - Parameter isWide: for tables.
    func page(
        _ title: String, _ content: HTML, status: Status = .ok, isWide: Bool = false
    ) -> Response {
        let kind: HTML = isWide ? " class=\"wide\"" : ""
        let page = frame.document(
            title,
            body: """
                <header>\(logo)\(name)</header>
                <main\(kind)>
                <h1>\(title)</h1>
                \(content)
                </main>
                \(footer)
                """)
        return .html(page.markup, status: status)
    }

    static let stylesheet = StaticText(path: "/style.css", text: styles, lifetime: 3600)

    private static let styles = """
        :root { color-scheme: light dark; --line: #d5dae1; --accent: #0b5cab; --soft: #f4f6f9;
            --text: #1c2733 }
        @media (prefers-color-scheme: dark) {
            :root { --line: #3a4656; --accent: #7ab7f5; --soft: #202a36; --text: #e6ebf1 }
        }
        * { box-sizing: border-box }
        body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--soft) }
        header { display: flex; align-items: center; gap: 10px; padding: 14px 24px; font-weight: 600;
            border-bottom: 1px solid var(--line) }
        header img { height: 28px; max-width: 180px; object-fit: contain }
        footer { max-width: 640px; margin: -16px auto 40px; padding: 0 32px; font-size: 14px }
        main { max-width: 640px; margin: 40px auto; padding: 28px 32px; border: 1px solid var(--line);
            border-radius: 10px; background: Canvas }
        h1 { margin: 0 0 16px; font-size: 24px; line-height: 1.25 }
        h2 { margin: 20px 0 8px; font-size: 18px }
        p { margin: 0 0 14px } small { opacity: .75 } code { font-size: .92em; overflow-wrap: anywhere }
        a { color: var(--accent) }
        .choices { display: grid; gap: 12px; margin: 20px 0 }
        .choice, button { display: block; width: 100%; padding: 12px 16px; font: inherit; text-align: left;
            text-decoration: none; color: inherit; border: 1px solid var(--line); border-radius: 8px;
            background: var(--soft); cursor: pointer }
        .choice:hover, button:hover, .choice:focus, button:focus { border-color: var(--accent) }
        .choice strong, button strong { display: block }
        .preferred { border: 2px solid var(--accent) }
        form { display: grid; gap: 8px; padding: 12px 16px; border: 1px solid var(--line);
            border-radius: 8px }
        input { width: 100%; padding: 9px 10px; font: inherit; border: 1px solid var(--line);
            border-radius: 6px }
        ul, ol { padding-left: 22px; margin: 0 0 14px }
        .again { display: inline-block; padding: 10px 16px; border: 1px solid var(--accent);
            border-radius: 8px; text-decoration: none }
        main > :last-child { margin-bottom: 0 }
        @media (max-width: 700px) { main { margin: 14px; padding: 20px } header { padding: 12px 20px }
            footer { margin: 0 14px 20px; padding: 0 } }
        .wide { max-width: none; margin: 20px } .scroll { overflow-x: auto }
        table { border-collapse: collapse; font-size: 14px } th { text-align: left }
        td, th { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top;
            white-space: pre-wrap }

        """
}
