package import Cryptography
internal import Encoding
package import HTTPClient

/// The X API v2, "Search recent Posts": `GET /2/tweets/search/recent`.
package struct TweetSearch: Sendable {
    private let http: HTTPClient
    private let origin: String
    private let token: Secret

    /// - Parameters:
    ///   - origin: `X_API_URL`, without a final slash.
    ///   - token: the app's bearer token.
    package init(http: HTTPClient, origin: String, token: Secret) {
        self.http = http
        self.origin = origin
        self.token = token
    }

    /// A post.
    struct Post: Sendable, Equatable {
        var id: String
        var text: String
        /// Without @. Nil if the answer does not have the author.
        var author: String?
        var likes: Int
        /// ISO 8601.
        var postedAt: String?
    }

    /// The most liked posts with a name, without reposts. Throws `TweetsError`.
    func popular(_ name: String) async throws -> [Post] {
        guard let query = Self.query(name), let token = token.revealText() else { return [] }
        let parameters = PercentCoding.form([
            ("query", query), ("max_results", "\(TweetLimits.results)"), ("sort_order", "relevancy"),
            ("tweet.fields", "author_id,created_at,public_metrics"), ("expansions", "author_id"),
            ("user.fields", "username"),
        ])
        let request = ClientRequest(
            url: "\(origin)/2/tweets/search/recent?\(parameters)",
            headers: [("Authorization", "Bearer \(token)"), ("Accept", "application/json")],
            deadline: .now + TweetLimits.deadline, maximumBytes: TweetLimits.answerBytes)
        let answer: ClientResponse
        do {
            answer = try await http.send(request)
        } catch let error as HTTPClientError {
            throw TweetsError(.unavailable, "the X API does not answer: \(error)")
        }
        switch answer.status {
        case 200: return Self.posts(in: answer.body)
        case 429, 500...: throw TweetsError(.unavailable, "the X API answered status \(answer.status)")
        default: throw TweetsError(.refused, "the X API answered status \(answer.status)")
        }
    }

    /// A query for a phrase. Nil for a name without letters and digits. The name is a record's, so
    /// operators of X's query language become spaces.
    static func query(_ name: String) -> String? {
        let words = name.prefix(TweetLimits.nameCharacters).split {
            !($0.isLetter || $0.isNumber || "&'.-".contains($0))
        }
        let phrase = words.joined(separator: " ")
        guard phrase.contains(where: { $0.isLetter || $0.isNumber }) else { return nil }
        return "\"\(phrase)\" -is:retweet"
    }

    /// The popular posts of an answer, the most liked first. Incomplete ones are left out.
    static func posts(in body: [UInt8]) -> [Post] {
        guard let answer = try? JSONValue(parsing: body) else { return [] }
        var names: [String: String] = [:]
        for user in answer["includes"]?["users"]?.array ?? [] {
            if let id = user["id"]?.string { names[id] = user["username"]?.string }
        }
        let posts = (answer["data"]?.array ?? []).compactMap { post -> Post? in
            guard let id = post["id"]?.string, id.allSatisfy({ $0.isASCII && $0.isNumber }),
                let text = post["text"]?.string, !text.isEmpty
            else { return nil }
            return Post(
                id: id, text: text, author: post["author_id"]?.string.flatMap { names[$0] },
                likes: post["public_metrics"]?["like_count"]?.int ?? 0,
                postedAt: post["created_at"]?.string)
        }
        return Array(
            posts.filter { $0.likes >= TweetLimits.likes }.sorted { $0.likes > $1.likes }
                .prefix(TweetLimits.posts))
    }
}
