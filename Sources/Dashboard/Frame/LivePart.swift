import Pages

/// A part of a page that changes while the page is shown. Its content must be the same for all operators:
/// `FormToken.shared` takes the place of tokens.
struct LivePart: Sendable {
    /// Unique on its page.
    let id: String
    let content: HTML

    init(_ id: String, _ content: HTML) {
        self.id = id
        self.content = content
    }

    /// The element on the page. The script replaces its content.
    var element: HTML { "<div class=\"live\" data-live=\"\(id)\">\(content)</div>" }

    /// The markup without the text of `time` elements. The script keeps that text current, so a part is sent
    /// only if anything else has changed.
    var key: String {
        var key = ""
        var rest = content.markup[...]
        while let start = rest.firstRange(of: "<time "),
            let open = rest[start.upperBound...].firstIndex(of: ">")
        {
            key += rest[...open]
            guard let end = rest[open...].firstRange(of: "</time>") else { break }
            rest = rest[end.lowerBound...]
        }
        return key + rest
    }

    /// The part as an event of a stream (WHATWG HTML, server-sent events): the id, then the markup.
    var event: String {
        // Each line break of the format begins a new field. Markup contains text of orgs.
        let lines = content.markup.split(omittingEmptySubsequences: false) { $0.isNewline }
        return "event: part\n" + ([id[...]] + lines).map { "data: \($0)\n" }.joined() + "\n"
    }
}

/// The attributes of a page that a stream updates.
struct LivePage: Sendable {
    private let url: String
    private let token: FormToken

    /// - Parameters:
    ///   - page: the page's path with the query that its content depends on.
    ///   - token: the browser's own.
    init(of page: String, _ token: FormToken) {
        url = "/dashboard/live" + page.dropFirst("/dashboard".count)
        self.token = token
    }

    var attribute: HTML { "data-stream=\"\(url)\"" }

    /// Shows whether the page is live. It also carries the browser's token for forms that the stream sends.
    var sign: HTML {
        """
        <span class="stream" data-stream-state hidden></span><span hidden data-token>
        \(token.input)</span>
        """
    }
}
