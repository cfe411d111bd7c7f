import FoundationEssentials
import HTTPWire

/// The query of the URL of a list of records: a tenant, and the last record of the page before.
struct RecordQuery: Sendable {
    static let tenantField = "tenant"
    private static let beforeField = "before"

    let path: String
    let tenant: String
    let before: Int64?

    init(_ form: Form, path: String) {
        self.path = path
        tenant = (form[Self.tenantField] ?? "").filter { $0 != " " }
        before = form[Self.beforeField].flatMap { Int64($0) }
    }

    /// The tenant's id; nil without a tenant. A tenant that does not exist has no records.
    func organization(_ tenants: TenantLookup) async throws -> (id: UUID?, complaint: String?) {
        guard !tenant.isEmpty else { return (nil, nil) }
        if let id = try await tenants.id(tenant) { return (id, nil) }
        return (UUID(), "There is no tenant “\(tenant)”. Enter its org id.")
    }

    /// The URL of this list, from the first page or before a record.
    func link(before id: Int64? = nil) -> String {
        var form = Form()
        if !tenant.isEmpty { form.fields.append(.init(name: Self.tenantField, value: tenant)) }
        if let id { form.fields.append(.init(name: Self.beforeField, value: String(id))) }
        return form.fields.isEmpty ? path : "\(path)?\(form.encoded)"
    }
}
