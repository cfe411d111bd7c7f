import Encoding

/// The place where a page ends: the values of its last row by which the rows are sorted. The text of
/// `$skiptoken` is the base64url of a JSON array.
///
/// It is not signed: the values become parameters of a condition on rows that the client may read anyway.
struct PageToken: Equatable, Sendable {
    /// Postgres's texts; nil is NULL.
    let values: [String?]

    init(values: [String?]) {
        self.values = values
    }

    init(text: String) throws(ODataError) {
        let wrong = ODataError(.syntax, "$skiptoken is none of this service's")
        guard text.utf8.count <= ODataLimits.tokenCharacters, let bytes = Base64.decode(text, .url),
            let document = try? JSONValue(parsing: bytes), let elements = document.array
        else { throw wrong }
        var values: [String?] = []
        for element in elements {
            guard element.isNull || element.string?.utf8.contains(0) == false else { throw wrong }
            values.append(element.string)
        }
        self.values = values
    }

    var text: String {
        Base64.encode(JSONText.array(values.map(JSONText.optional)).encoded, .url)
    }
}
