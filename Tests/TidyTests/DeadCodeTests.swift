import Testing

/// Declarations that no code of `Sources` uses, found by their names.
struct DeadCodeTests {
    /// Names that the standard library, the compiler or a package calls.
    private static let calledFromOutside: Set = [
        // Standard library and compiler.
        "description", "debugDescription", "customMirror", "encode", "hash", "next", "main", "CodingKeys",
        "codingPath",
        "appendLiteral", "appendInterpolation", "StringInterpolation", "Element", "AsyncIterator", "Failure",
        "Multiconnect", "makeAsyncIterator", "makeIterator", "errorDescription", "callAsFunction", "id",
        "Iterator",
        "enqueue", "asUnownedTaskExecutor", "asUnownedSerialExecutor", "unownedExecutor",
        "isSameExclusiveExecutionContext",
        "startIndex", "endIndex",
        // ArgumentParser and swift-log.
        "configuration", "run", "validate", "log", "metadata", "logLevel", "metadataProvider",
        "ArrayLiteralElement", "Key", "Value",
    ]

    /// Parts of the platform that changes, writes and the JWT bearer flow will use.
    private static let awaited: Set = [
        "RS256", "PrivateKey", "PublicKey", "publicPEM", "generatePEM", "copyOut", "nextNotification",
        "unlisten",
    ]

    /// How often each name occurs in `Sources`, beside its declarations. The use of a type inside of its own
    /// body does not count.
    private static let uses: [String: Int] = {
        var uses: [String: Int] = [:]
        for file in SourceTree.sources {
            for token in file.tokens where token.isWord {
                let isOwn = file.declarations.types.contains {
                    $0.name == token.text && ($0.firstLine...$0.lastLine).contains(token.line)
                }
                if !isOwn { uses[token.text, default: 0] += 1 }
            }
            for declaration in file.declarations.all {
                let isBody = file.declarations.types.contains {
                    $0.name == declaration.name && $0.firstLine == declaration.line
                }
                if !isBody { uses[declaration.name, default: 0] -= 1 }
            }
        }
        return uses
    }()

    /// A comment above a declaration for tests or benchmarks begins with "For tests" or "For benchmarks".
    @Test(arguments: SourceTree.sources)
    func `each declaration is used, or marked as being for tests`(file: SourceFile) {
        for declaration in file.declarations.all {
            let isUsed = Self.uses[declaration.name, default: 0] > 0
            let isMade = declaration.kind == .enumCase && declaration.hasRawValues
            guard !isUsed, !isMade, !Self.calledFromOutside.contains(declaration.name),
                !Self.awaited.contains(declaration.name)
            else { continue }
            let comment = file.comment(above: declaration.line)
            let isMarked = comment.contains("For tests") || comment.contains("For benchmarks")
            #expect(isMarked, "\(file):\(declaration.line + 1): nothing in Sources uses \(declaration.name)")
        }
    }

    @Test func `a name belongs to one top-level type`() {
        var places: [String: [(target: String, place: String)]] = [:]
        for file in SourceTree.sources {
            for declaration in file.declarations.all where declaration.kind == .type && declaration.isTopLevel
            {
                places[declaration.name, default: []].append(
                    (file.target, "\(file):\(declaration.line + 1)"))
            }
        }
        for (name, found) in places.sorted(by: { $0.key < $1.key }) where found.count > 1 {
            Issue.record("\(name): \(found.map(\.place).joined(separator: ", "))")
        }
    }
}
