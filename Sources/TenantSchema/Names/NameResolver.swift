/// Finds the name that an org uses for a name in a mapping file.
///
/// The package's own objects and fields have its namespace in a customer's org (`ns__Tweet__c`) and no
/// namespace in the developer's org (`Tweet__c`). One file serves both: a custom name without a namespace is
/// tried unchanged, then with the namespace. Standard names and names with a namespace are only tried
/// unchanged.
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

    /// The tables that an object of this name may have, one for each candidate.
    package func tables(of objectName: String) -> Set<String> {
        Set(candidates(objectName).map { Identifier.fitting($0.lowercased()) })
    }

    /// True for `Tweet__c`, `Text__r` and `Site__Latitude__s` (a part of the compound field `Site__c`). False
    /// for `Account`, `ns__Tweet__c` and `ns__Site__Latitude__s`.
    private static func isCustomWithoutNamespace(_ name: String) -> Bool {
        guard let suffix = name.range(ofLast: "__"), suffix.upperBound < name.endIndex else { return false }
        var stem = name[..<suffix.lowerBound]
        if name[suffix.upperBound...].lowercased() == "s", let part = String(stem).range(ofLast: "__") {
            stem = stem[..<part.lowerBound]
        }
        return !stem.isEmpty && !stem.contains("__")
    }
}

extension String {
    /// The last occurrence of `pattern`.
    fileprivate func range(ofLast pattern: String) -> Range<String.Index>? {
        ranges(of: pattern).last
    }
}
