import Foundation
import Metrics
import Testing

@testable import Replication

struct WriteErrorClassTests {
    @Test(arguments: [
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", WriteErrorClass.validation),
        ("REQUIRED_FIELD_MISSING", .validation), ("STRING_TOO_LONG", .validation),
        ("INVALID_EMAIL_ADDRESS", .validation), ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", .validation),
        ("NUMBER_OUTSIDE_VALID_RANGE", .validation), ("FIELD_INTEGRITY_EXCEPTION", .validation),
        ("DUPLICATE_VALUE", .duplicate), ("DUPLICATES_DETECTED", .duplicate),
        ("INSUFFICIENT_ACCESS_OR_READONLY", .access), ("INVALID_FIELD_FOR_INSERT_UPDATE", .access),
        ("ENTITY_IS_DELETED", .reference), ("INVALID_CROSS_REFERENCE_KEY", .reference),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", .automation), ("STORAGE_LIMIT_EXCEEDED", .limit),
        ("UNABLE_TO_LOCK_ROW", .lock), ("ANYTHING_ELSE", .other), ("", .other),
    ])
    func `a status code belongs to one class`(code: String, expected: WriteErrorClass) {
        #expect(WriteErrorClass(code: code) == expected)
    }

    @Test func `refused changes are counted by class, and retried ones are not`() {
        let tallies = WriteTallies()
        for code in ["DUPLICATE_VALUE", "DUPLICATES_DETECTED", "STRING_TOO_LONG"] {
            tallies.count(.failed(WriteProblem(code, "no")), lag: .seconds(1), of: UUID())
        }
        tallies.count(
            .retry(after: .seconds(1), WriteProblem("UNABLE_TO_LOCK_ROW", "busy")), lag: .zero, of: UUID())
        var page = Exposition()
        page.add(WriteMetric.errors, by: "kind", from: tallies.take())
        #expect(
            page.text.split(separator: "\n").dropFirst(2).map(String.init) == [
                #"multiconnect_write_errors_total{kind="duplicate"} 2"#,
                #"multiconnect_write_errors_total{kind="validation"} 1"#,
            ])
        #expect(tallies.take().isEmpty)
    }
}
