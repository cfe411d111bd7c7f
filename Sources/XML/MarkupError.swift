/// Why a text is not read as XML.
package enum MarkupError: Error, Sendable, Equatable {
    /// It is not well-formed, or has an entity that XML does not define itself.
    case malformed
    /// It has a document type. Documents from the network need none, and entities expand in it.
    case documentType
    /// A limit of `MarkupLimits` is exceeded.
    case tooLarge
}

/// The limits of a parsed document.
package struct MarkupLimits: Sendable {
    package var bytes = 4 << 20
    /// Elements inside of each other.
    package var depth = 32
    package var elements = 50_000
    /// Attributes of one element.
    package var attributes = 64

    package init() {}
}
