/// Finds the name that an org uses for a name in a mapping file.
///
/// The package's own objects and fields carry its namespace in a customer's org (`ns__Tweet__c`) and none in the
/// developer's (`Tweet__c`). One file serves both: a custom name without namespace is tried as it stands, then
/// with the namespace. Standard names and names with a namespace are only tried as they stand.
package struct NameResolver: Sendable, Equatable {
    /// Without the underscores; nil if the package has none.
    package var namespace: String?

    package init(namespace: String?) {
        self.namespace = namespace.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The names to try, in order.
    package func candidates(_ name: String) -> [String] {
        guard let namespace, Self.isCustomWithoutNamespace(name) else { return [name] }
        return [name, "\(namespace)__\(name)"]
    }

    /// `Tweet__c` and `Text__r`, but neither `Account` nor `ns__Tweet__c`.
    private static func isCustomWithoutNamespace(_ name: String) -> Bool {
        guard let suffix = name.range(ofLast: "__") else { return false }
        let stem = name[..<suffix.lowerBound]
        return !stem.isEmpty && !stem.contains("__") && suffix.upperBound < name.endIndex
    }
}

extension String {
    /// The last place where `pattern` stands.
    fileprivate func range(ofLast pattern: String) -> Range<String.Index>? {
        ranges(of: pattern).last
    }
}
