/// The query of Salesforce's redirect to our callback.
package struct ConsentCallback: Equatable, Sendable {
    package var state: String?
    package var code: String?
    /// OAuth's error code, for example `access_denied`.
    package var error: String?

    package init(state: String?, code: String?, error: String?) {
        self.state = state
        self.code = code
        self.error = error
    }

    /// The next step after a callback whose state was found.
    enum Step: Equatable {
        case exchange(code: String)
        case refuse(ConsentRefusal)
    }

    /// The state is used up by now, so that a denial cannot be replayed.
    var step: Step {
        if let error, !error.isEmpty {
            return .refuse(.denied(String(error.unicodeScalars.filter(Self.isPlain).prefix(60))))
        }
        guard let code, !code.isEmpty, code.utf8.count <= 2_048 else { return .refuse(.malformedCallback) }
        return .exchange(code: code)
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".": true
        default: false
        }
    }
}
