import Encoding

/// The body of a refused request.
enum ErrorDocument {
    static func body(
        code: String, _ message: String, _ version: ODataVersion, _ format: EntityDocument.Format
    ) -> (type: String, bytes: [UInt8]) {
        switch (version, format) {
        case (.v4, _):
            let error = JSONText.object([("code", .string(code)), ("message", .string(message))])
            return ("application/json", JSONText.object([("error", error)]).encoded)
        case (.v2, .json):
            let text = JSONText.object([("lang", "en-US"), ("value", .string(message))])
            let error = JSONText.object([("code", .string(code)), ("message", text)])
            return ("application/json;charset=utf-8", JSONText.object([("error", error)]).encoded)
        case (.v2, .atom):
            let text = """
                <?xml version="1.0" encoding="utf-8"?><error \
                xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">\
                <code>\(XMLText.escaped(code))</code>\
                <message xml:lang="en-US">\(XMLText.escaped(message))</message>\
                </error>
                """
            return ("application/xml;charset=utf-8", Array(text.utf8))
        }
    }
}
