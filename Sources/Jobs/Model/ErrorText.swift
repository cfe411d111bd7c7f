/// An error as rows and Sidekiq's pages show it.
package struct ErrorText: Sendable, Equatable {
    /// The error's type, in characters that Sidekiq's pages can show unescaped.
    package let className: String
    /// The error's description, cut to `JobsLimits.errorCharacters`.
    package let message: String

    package init(className: String, message: String, limits: JobsLimits) {
        let safe = className.unicodeScalars.map { scalar -> Character in
            let isSafe =
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                || scalar == "_" || scalar == "." || scalar == ":"
            return isSafe ? Character(scalar) : "_"
        }
        self.className = String(safe.prefix(200))
        // Postgres refuses NUL.
        self.message = String(
            message.unicodeScalars.filter { $0.value != 0 }.prefix(limits.errorCharacters).map(Character.init)
        )
    }

    package init(_ error: any Error, limits: JobsLimits) {
        self.init(className: "\(type(of: error))", message: "\(error)", limits: limits)
    }
}
