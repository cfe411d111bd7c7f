import Testing

@testable import Tweets

/// Queries to the X API and its answers.
struct TweetSearchTests {
    @Test func `a name becomes a phrase, and its operators are lost`() {
        #expect(TweetSearch.query("Acme & Söhne Inc.") == "\"Acme & Söhne Inc.\" -is:retweet")
        #expect(TweetSearch.query("x\" OR from:ann (\\") == "\"x OR from ann\" -is:retweet")
        #expect(TweetSearch.query(" \"*\" ") == nil && TweetSearch.query("") == nil)
        #expect(TweetSearch.query(String(repeating: "a", count: 500))?.count == 114)
    }

    @Test func `popular posts are the most liked ones, complete, with their author`() {
        let body = """
            {"data":[
              {"id":"1","text":"few","author_id":"7","public_metrics":{"like_count":4}},
              {"id":"2","text":"some","author_id":"8","created_at":"2026-01-02T03:04:05.000Z",
               "public_metrics":{"like_count":10}},
              {"id":"3","text":"many","author_id":"7","public_metrics":{"like_count":99}},
              {"id":"x'","text":"no id","public_metrics":{"like_count":99}},
              {"id":"5","public_metrics":{"like_count":99}},
              {"id":"6","text":"a","public_metrics":{"like_count":20}},
              {"id":"7","text":"b","public_metrics":{"like_count":30}}],
             "includes":{"users":[{"id":"7","username":"ann"}]}}
            """
        let posts = TweetSearch.posts(in: Array(body.utf8))
        #expect(posts.map(\.id) == ["3", "7", "6"])
        #expect(posts[0].author == "ann" && posts[1].author == nil)
        #expect(TweetSearch.posts(in: Array("{}".utf8)).isEmpty)
        #expect(TweetSearch.posts(in: Array("<".utf8)).isEmpty)
    }
}
