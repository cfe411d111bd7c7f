import Encoding

/// The beginning of a page of results, opaque to callers. As in the documentation's samples it is a row
/// number in base64 without padding. A page of `resultPages` also has its number of rows, after a comma.
struct BulkLocator: Hashable, Sendable {
    let start: Int
    let count: Int?

    init(start: Int, count: Int? = nil) {
        self.start = start
        self.count = count
    }

    init?(_ text: String) {
        guard let bytes = Base64.decode(text, .url) else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(
            separator: ",", omittingEmptySubsequences: false)
        guard let start = Int(parts[0]), start >= 0, parts.count <= 2 else { return nil }
        self.start = start
        if parts.count == 2 {
            guard let count = Int(parts[1]), count > 0 else { return nil }
            self.count = count
        } else {
            count = nil
        }
    }

    var text: String { Base64.encode((count.map { "\(start),\($0)" } ?? "\(start)").utf8, .url) }
}
