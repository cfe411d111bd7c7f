import Foundation
import Organizations
import Postgres
import Salesforce
import TenantSchema
import Testing

@testable import Replication

/// The rules for errors, counts and states of imports.
struct ImportRuleTests {
    private static func rule(_ records: Int, fits: Bool = true) -> ImportMethodRule {
        ImportMethodRule(records: records, bulkThreshold: 2_000, fitsAddress: fits)
    }

    @Test(arguments: [
        (rule(5), ImportRecord.Method.rest), (rule(1_999), .rest), (rule(2_000), .bulk),
        (rule(5, fits: false), .bulk), (rule(5_000_000, fits: false), .bulk),
    ])
    func `few rows are read by a query if it fits into an address, all others by Bulk`(
        rule: ImportMethodRule, method: ImportRecord.Method
    ) {
        #expect(rule.method == method)
    }

    @Test func `if one method is refused, the other is used if it can work`() {
        #expect(Self.rule(5_000_000).alternative(after: .objectUnsupported) == .rest)
        #expect(Self.rule(5_000, fits: false).alternative(after: .objectUnsupported) == nil)
        #expect(Self.rule(5_000).alternative(after: .bulkFailed) == .rest)
        #expect(Self.rule(5_000_000).alternative(after: .bulkFailed) == nil)
        #expect(Self.rule(5).alternative(after: .tooLarge) == .bulk)
    }

    @Test func `only some errors lead to the other method`() {
        typealias Refusal = ImportMethodRule.Refusal
        #expect(Refusal(SalesforceError(.notSupportedByBulk), of: .bulk) == .objectUnsupported)
        #expect(Refusal(SalesforceError(.rejected), of: .bulk) == .bulkFailed)
        #expect(Refusal(SalesforceError(.jobFailed), of: .bulk) == .bulkFailed)
        #expect(Refusal(SalesforceError(.tooLarge), of: .rest) == .tooLarge)
        #expect(Refusal(SalesforceError(.queryTimeout), of: .rest) == .tooLarge)
        #expect(Refusal(SalesforceError(.malformedQuery), of: .bulk) == nil)
        #expect(Refusal(SalesforceError(.serverUnavailable), of: .rest) == nil)
        #expect(Refusal(SalesforceError(.rejected), of: .rest) == nil)
    }

    @Test func `of two mappings with the same table the imported one keeps it`() {
        func mapping(_ name: String, isImported: Bool = false) -> Mapping {
            Mapping(
                id: UUID(), organizationID: UUID(), connectionID: UUID(), objectName: name,
                configuration: MappingConfiguration(access: .readOnly, fields: ["Name"]), state: .initial,
                isImported: isImported)
        }
        let resolver = NameResolver(namespace: "acme")
        let (old, new) = (mapping("Tweet__c", isImported: true), mapping("acme__Tweet__c"))
        #expect(new.tableOwner(among: [old, new], resolver)?.id == old.id)
        #expect(old.tableOwner(among: [old, new], resolver) == nil)
        let first = mapping("Tweet__c")
        #expect(new.tableOwner(among: [first, new], resolver)?.id == first.id)
        #expect(first.tableOwner(among: [first, new], resolver) == nil)
        #expect(new.tableOwner(among: [first, new], NameResolver(namespace: nil)) == nil)
    }

    @Test func `errors are transient, permanent, unclear or interrupted`() {
        func postgres(_ state: SQLState) -> PostgresError { PostgresError(.server, "", sqlState: state) }
        let transient: [any Error] = [
            SalesforceError(.serverUnavailable), SalesforceError(.requestLimit),
            SalesforceError(.forbidden, errorCode: "API_CURRENTLY_DISABLED"),
            PostgresError(.connection, ""), PostgresError(.poolExhausted, ""),
            PostgresError(.connection, "", sqlState: .readOnlyTransaction),
            postgres("53100"), postgres("57P01"), OrganizationsError(.refreshTimedOut, ""),
        ]
        let permanent: [any Error] = [
            SalesforceError(.malformedQuery), SalesforceError(.forbidden), SalesforceError(.tooLarge),
            SalesforceError(.notSupportedByBulk),
            postgres("54011"), postgres("42501"), postgres("42809"), postgres("22001"), postgres("23505"),
            ReplicationError(.tooManyQuarantined), ReplicationError(.givenUp),
        ]
        let unclear: [any Error] = [
            SalesforceError(.rejected), SalesforceError(.malformedResponse), SalesforceError(.notFound),
            ReplicationError(.rowCountMismatch), ReplicationError(.repeatedLocator), postgres("XX000"),
            postgres("57014"), postgres("42P01"), PageFailure(),
        ]
        let interrupted: [any Error] = [
            CancellationError(), ReplicationError(.claimLost), OrganizationsError(.unauthorized, ""),
        ]
        for error in transient { #expect(FaultVerdict(error) == .transient, "\(error)") }
        for error in permanent { #expect(FaultVerdict(error) == .permanent, "\(error)") }
        for error in unclear { #expect(FaultVerdict(error) == .unclear, "\(error)") }
        for error in interrupted { #expect(FaultVerdict(error) == .interrupted, "\(error)") }
    }

    private struct PageFailure: Error {}

    @Test
    func `a permanent error ends a job at once, an unclear one after some tries, a transient one never`() {
        #expect(FaultVerdict.permanent.endsJob(failures: 1))
        #expect(!FaultVerdict.unclear.endsJob(failures: ReplicationLimits.unclearAttempts - 1))
        #expect(FaultVerdict.unclear.endsJob(failures: ReplicationLimits.unclearAttempts))
        #expect(!FaultVerdict.transient.endsJob(failures: 1_000))
        #expect(!FaultVerdict.interrupted.endsJob(failures: 1_000))
    }

    @Test func `a reason contains the server's text, but no value of a row`() {
        let denied = PostgresError(.server, "permission denied for table account", sqlState: "42501")
        #expect(FaultReason.text(denied).hasSuffix("permission denied for table account"))
        let value = PostgresError(.server, "invalid input: \"secret\"", sqlState: "22P02")
        #expect(!FaultReason.text(value).contains("secret"))
        let query = SalesforceError(.malformedQuery, errorCode: "MALFORMED_QUERY", message: "needs a filter")
        #expect(FaultReason.text(query).hasSuffix("needs a filter"))
    }

    @Test(arguments: [
        (0, 0, false), (100, 100, false), (101, 101, true), (101, 10_100, false), (102, 10_100, true),
        (1_000_000, 2_000_000, true),
    ])
    func `100 rows or 1 percent may be quarantined, whichever is more`(
        quarantined: Int, total: Int, isExceeded: Bool
    ) {
        let progress = ImportProgress(rows: 0, quarantined: quarantined, pages: 1, expectedRows: total)
        #expect(QuarantineLimit().isExceeded(by: progress) == isExceeded)
    }

    @Test func `a limit of no rows allows none`() {
        let limit = QuarantineLimit(rows: 0, percent: 0)
        #expect(!limit.isExceeded(by: ImportProgress(rows: 9, quarantined: 0, pages: 1)))
        #expect(limit.isExceeded(by: ImportProgress(rows: 9, quarantined: 1, pages: 1)))
    }

    private static func entry(
        _ name: String, _ state: Mapping.State, error: String? = nil
    ) -> TenantProgress.Entry {
        TenantProgress.Entry(
            objectName: name, state: state, lastError: error, isImported: state == .dataSynced)
    }

    @Test func `a tenant is ready with one failed object, and failed with all of them`() {
        let (synced, failed) = (Self.entry("A", .dataSynced), Self.entry("B", .error, error: "no"))
        let (open, invalid) = (Self.entry("C", .initial), Self.entry("D", .invalid))
        #expect(TenantProgress(mappings: [synced, failed, open]).verdict == .importing)
        #expect(TenantProgress(mappings: [failed, open]).verdict == .importing)
        #expect(TenantProgress(mappings: [synced, failed, invalid]).verdict == .ready)
        #expect(TenantProgress(mappings: [failed, invalid]).verdict == .failed)
        #expect(TenantProgress(mappings: [invalid]).verdict == .ready)
        #expect(TenantProgress(mappings: []).verdict == .ready)
    }

    @Test func `the tenant shows the last error of its objects until they are imported`() {
        let waiting = Self.entry("B", .waitBulkLoad, error: "HTTP 503")
        let failed = Self.entry("C", .error, error: "C: no")
        #expect(TenantProgress(mappings: [waiting]).detail == "B: HTTP 503")
        #expect(TenantProgress(mappings: [failed]).detail == "C: no")
        #expect(TenantProgress(mappings: [waiting, failed]).detail == "B: HTTP 503 (and 1 more)")
        #expect(TenantProgress(mappings: [Self.entry("A", .dataSynced, error: "old")]).detail == nil)
    }

    @Test func `a page of a Bulk result that is named twice is an error`() throws {
        var seen = SeenLocators()
        for locator in ["", "a", "b"] { try seen.note(locator) }
        let error = #expect(throws: ReplicationError.self) { try seen.note("a") }
        #expect(error?.code == .repeatedLocator)
    }
}
