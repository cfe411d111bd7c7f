package import HTTPServer
import HTTPWire

/// The document around the content of every page.
package struct PageFrame: Sendable {
    /// The name of this installation, shown in each page's title.
    package let name: String
    private let stylesheet: StaticText

    /// The sign in the browser's tab: two arrows between two places.
    package static let icon = StaticText(
        path: "/icon.svg", mediaType: "image/svg+xml",
        text: """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
            <rect width="16" height="16" rx="3" fill="#0b5cab"/>
            <path d="M3 6h9M9.5 3.5 12 6 9.5 8.5M13 11H4M6.5 8.5 4 11l2.5 2.5" fill="none" stroke="#fff"
            stroke-width="1.5"/></svg>
            """, lifetime: 86_400)

    package init(name: String, stylesheet: StaticText) {
        self.name = name
        self.stylesheet = stylesheet
    }

    /// A complete page.
    ///
    /// - Parameters:
    ///   - refresh: seconds after which the browser reloads the page; nil: never.
    ///   - script: runs after the page is read; nil: none.
    package func document(
        _ title: String, refresh: Int? = nil, script: StaticText? = nil, body: HTML
    ) -> HTML {
        let script: HTML = script.map { "<script src=\"\($0.path)\" defer></script>\n" } ?? ""
        let refresh: HTML =
            refresh.map { "<meta http-equiv=\"refresh\" content=\"\(String($0))\">\n" } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            \(refresh)<title>\(title) – \(name)</title>
            <link rel="icon" type="image/svg+xml" href="\(Self.icon.path)">
            <link rel="stylesheet" href="\(stylesheet.path)">
            \(script)</head>
            <body>
            \(body)
            </body>
            </html>

            """
    }
}

/// A style sheet, a script or an icon with a route of its own: the Content-Security-Policy of the pages
/// allows none inside of them.
package struct StaticText: Sendable {
    let path: String
    private let mediaType: String
    private let text: String
    private let lifetime: Int

    /// - Parameters:
    ///   - type: `css` or `javascript`.
    ///   - lifetime: seconds for which browsers may keep it.
    package init(path: String, type: String = "css", text: String, lifetime: Int) {
        self.init(path: path, mediaType: "text/\(type); charset=utf-8", text: text, lifetime: lifetime)
    }

    init(path: String, mediaType: String, text: String, lifetime: Int) {
        self.path = path
        self.mediaType = mediaType
        self.text = text
        self.lifetime = lifetime
    }

    /// Adds its route.
    package func add(to router: inout Router) {
        let response = Response(
            headers: [
                "Content-Type": mediaType, "Cache-Control": "public, max-age=\(lifetime)",
            ],
            body: .bytes(Array(text.utf8)))
        router.on(.get, path) { _ in response }
    }
}
