import Cryptography
import HTTPClient
import Tweets

/// The settings of the example `tweets`.
struct TweetSettings: Sendable {
    /// The origin of the X API.
    var origin: String
    /// The app's bearer token.
    var token: Secret

    func search(_ http: HTTPClient) -> TweetSearch {
        TweetSearch(http: http, origin: origin, token: token)
    }
}

extension EnvironmentReader {
    /// `X_BEARER_TOKEN` and `X_API_URL`.
    mutating func tweets() -> TweetSettings? {
        let origin = origin("X_API_URL") ?? "https://api.x.com"
        guard let token = text("X_BEARER_TOKEN") else { return nil }
        guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            report("X_BEARER_TOKEN has characters that no header may have")
            return nil
        }
        return TweetSettings(origin: origin, token: Secret(text: token))
    }
}
