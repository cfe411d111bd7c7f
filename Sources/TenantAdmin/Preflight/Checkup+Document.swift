package import Encoding

// The JSON of Heroku Connect's validations.
extension Checkup {
    /// The findings about the tenant, and those about mappings by object.
    package var document: JSONText {
        let findings = findings
        let mapped = mappings.map { mapping in
            (
                mapping.objectName,
                JSONText.object(Self.rules(findings.filter { $0.object == mapping.objectName }))
            )
        }
        return .object(Self.rules(findings.filter { $0.object == nil }) + [("mappings", .object(mapped))])
    }

    /// The findings about one mapping. Nil for an object without a mapping.
    package func document(ofMapping object: String) -> JSONText? {
        guard let mapping = mappings.first(where: { $0.objectName.lowercased() == object.lowercased() })
        else { return nil }
        return .object(Self.rules(findings(of: mapping)))
    }

    private static func rules(_ findings: [Finding]) -> [(String, JSONText)] {
        func rules(_ level: Finding.Level, _ status: String) -> JSONText {
            .array(
                findings.filter { $0.level == level }.map { finding in
                    .object([
                        ("rule_id", .string(finding.rule.rawValue)),
                        ("display_name", .string(finding.rule.title)), ("status", .string(status)),
                        ("message", .string(finding.message)), ("doc_url", nil),
                    ])
                })
        }
        return [
            ("errors", rules(.missing, "FAILED")), ("warnings", rules(.advice, "FAILED")),
            ("passes", rules(.good, "PASSED")), ("skips", rules(.skipped, "SKIPPED")),
        ]
    }
}

extension Checkup.Finding {
    /// The text and the advice.
    package var message: String { advice.map { "\(text) \($0)" } ?? text }
}
