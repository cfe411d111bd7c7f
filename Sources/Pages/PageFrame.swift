package import HTTPServer
import HTTPWire

/// The document around the content of every page.
package struct PageFrame: Sendable {
    /// The name of this installation, shown in each page's title.
    package let name: String
    private let stylesheet: Stylesheet

    package init(name: String, stylesheet: Stylesheet) {
        self.name = name
        self.stylesheet = stylesheet
    }

    /// A complete page.
    ///
    /// - Parameter refresh: seconds after which the browser reloads the page; nil: never.
    package func document(_ title: String, refresh: Int? = nil, body: HTML) -> HTML {
        let refresh: HTML =
            refresh.map { "<meta http-equiv=\"refresh\" content=\"\(String($0))\">\n" } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            \(refresh)<title>\(title) – \(name)</title>
            <link rel="stylesheet" href="\(stylesheet.path)">
            </head>
            <body>
            \(body)
            </body>
            </html>

            """
    }
}

/// A style sheet with a route of its own: the Content-Security-Policy of the pages allows no inline style.
package struct Stylesheet: Sendable {
    let path: String
    private let text: String
    private let lifetime: Int

    /// - Parameter lifetime: seconds for which browsers may keep it.
    package init(path: String, text: String, lifetime: Int) {
        self.path = path
        self.text = text
        self.lifetime = lifetime
    }

    /// Adds the style sheet's route.
    package func add(to router: inout Router) {
        let response = Response(
            headers: [
                "Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, max-age=\(lifetime)",
            ],
            body: .bytes(Array(text.utf8)))
        router.on(.get, path) { _ in response }
    }
}
