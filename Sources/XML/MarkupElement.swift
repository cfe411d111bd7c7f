internal import CXML

/// An element of an XML document.
///
/// libxml2 parses: it is kept well, and every distribution repairs its defects. The project does not link
/// Foundation, so its XMLParser (the same library) is no choice.
package struct MarkupElement: Sendable, Equatable {
    /// Without the prefix.
    package var name: String
    /// The namespace's name. Empty without one.
    package var namespace: String
    /// By name without prefix. Declarations of namespaces are left out.
    package var attributes: [String: String] = [:]
    /// The text directly in the element, without that of its children.
    package var text = ""
    package var children: [MarkupElement] = []

    /// The root of a document. No entity is expanded except the five of XML, no file and no network is read.
    package init(parsing bytes: [UInt8], limits: MarkupLimits = MarkupLimits()) throws(MarkupError) {
        guard bytes.count <= limits.bytes else { throw .tooLarge }
        let builder = MarkupBuilder(limits)
        builder.parse(bytes)
        if let error = builder.error { throw error }
        guard let root = builder.root else { throw .malformed }
        self = root
    }

    init(name: String, namespace: String) {
        self.name = name
        self.namespace = namespace
    }

    /// The first child with this name, in any namespace.
    package func child(_ name: String) -> MarkupElement? { children.first { $0.name == name } }

    /// The text without white space around it.
    package var value: String {
        var part = Substring(text)
        while part.first?.isWhitespace == true { part.removeFirst() }
        while part.last?.isWhitespace == true { part.removeLast() }
        return String(part)
    }
}
