import FoundationEssentials
import HTTPServer
import HTTPWire
import Organizations
import Pages
import Replication
import Salesforce
import TenantAdmin
import TenantSchema

/// The editor of a tenant's mappings.
struct MappingRoutes: Sendable {
    let tenants: TenantOperator
    let layout: DashboardLayout

    /// Bytes of a form with a mapping file, which percent-encoding makes up to three times as long.
    private static let fileBytes = 4 * 1024 * 1024

    func add(to router: inout Router, _ pages: OperatorPages) {
        let path = "/tenants/:org/mappings"
        pages.add(.get, path, to: &router) { try await list($0) }
        pages.add(.get, "\(path)/export", to: &router) { try await export($0) }
        pages.add(.get, "\(path)/objects", to: &router) { try await objects($0) }
        pages.add(.get, "\(path)/edit", to: &router) { try await edit($0) }
        pages.add(.get, "\(path)/imports/:id", to: &router) { try await progress($0) }
        pages.add(.post, "\(path)/edit", bytes: Self.fileBytes, to: &router) { try await editAgain($0) }
        pages.add(.post, "\(path)/plan", bytes: Self.fileBytes, to: &router) { try await plan($0) }
        pages.add(.post, "\(path)/import", bytes: Self.fileBytes, to: &router) { try await planImport($0) }
        pages.add(.post, "\(path)/apply", bytes: Self.fileBytes, to: &router) { try await apply($0) }
        pages.add(.post, "\(path)/remove", to: &router) { try await remove($0) }
    }

    private func book(_ visit: Visit) async throws -> MappingBook {
        guard let found = try await tenants.find(visit.request.parameters["org"] ?? "") else {
            throw Problem(.notFound, "There is no such tenant. Search for it in the list of tenants.")
        }
        return try await tenants.mappingBook(of: found)
    }

    private func list(_ visit: Visit) async throws -> Response {
        try await list(try await book(visit), visit)
    }

    private func list(_ book: MappingBook, _ visit: Visit, complaint: String? = nil) async throws -> Response
    {
        let page = MappingListPage(
            place: MappingPlace(organization: book.organization), book: book,
            imports: try await tenants.mappingImports(of: book.organization), complaint: complaint,
            token: visit.token, notice: visit.notice, now: Date())
        var response = layout.page(page.title, in: .tenants, page.content)
        if complaint != nil { response.status = .conflict }
        return response
    }

    private func export(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        var response = Response.json(bytes: Array(book.file.text.utf8))
        response.headers.add(
            "Content-Disposition",
            "attachment; filename=\"\(book.organization.organizationID)-mappings.json\"")
        response.headers.add("Cache-Control", "no-store")
        return response
    }

    private func objects(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        return try await asking(book, visit) {
            let page = ObjectListPage(
                place: MappingPlace(organization: book.organization), book: book,
                objects: try await tenants.objects(of: book.organization),
                search: visit.request.query[ObjectListPage.searchField] ?? "")
            return layout.page("Add an object", in: .tenants, page.content)
        }
    }

    private func progress(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        let id = try visit.request.parameters.value("id") { UUID(uuidString: $0) }
        guard let record = try await tenants.mappingImport(id, of: book.organization) else {
            throw Problem(.notFound, "There is no such change. Changes are kept for 90 days.")
        }
        let page = MappingImportPage(place: MappingPlace(organization: book.organization), record: record)
        return layout.page(
            "Change of mappings", in: .tenants,
            refresh: record.state.isFinal ? nil : MappingImportPage.refreshSeconds, page.content)
    }

    /// Runs `body`. If org or cell do not answer, or the change is refused, the list of mappings says why.
    private func asking(
        _ book: MappingBook, _ visit: Visit, _ body: () async throws -> Response
    ) async throws -> Response {
        do {
            return try await body()
        } catch let error as TenantAdminError {
            return try await list(book, visit, complaint: error.description)
        }
    }
}

// Editing.
extension MappingRoutes {
    private func edit(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        let name = visit.request.query[MappingForm.objectField] ?? ""
        guard SOQL.isName(name) else { throw Problem(.badRequest, "The object's name is not valid.") }
        let stored = book.mapping(of: name)
        return try await editor(
            stored?.objectName ?? name, stored?.configuration, base: book.version(of: name), book, visit)
    }

    /// The editor with the values of a plan.
    private func editAgain(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        let file = try file(in: visit.form)
        guard let entry = file.mappings.first, file.mappings.count == 1 else {
            throw Problem(.badRequest, "The form has more than one mapping.")
        }
        let base = Self.bases(visit.form)[entry.objectName.lowercased()] ?? ""
        return try await editor(entry.objectName, entry.configuration, base: base, book, visit)
    }

    /// - Parameter configuration: nil for a new mapping.
    private func editor(
        _ object: String, _ configuration: MappingConfiguration?, base: String, complaints: [String] = [],
        _ book: MappingBook, _ visit: Visit
    ) async throws -> Response {
        try await asking(book, visit) {
            let describe = try await tenants.describe(object, of: book.organization)
            if describe == nil, configuration == nil {
                return try await list(
                    book, visit, complaint: "The org has no object \(object), or the user may not see it.")
            }
            let configuration = configuration ?? Self.beginning(describe)
            let page = MappingEditorPage(
                place: MappingPlace(organization: book.organization), object: object,
                label: describe?.label ?? "", configuration: configuration,
                fields: MappingFields(describe, configuration, candidates: tenants.candidates), base: base,
                complaints: complaints, token: visit.token)
            var response = layout.page(page.title, in: .tenants, page.content)
            if !complaints.isEmpty { response.status = .badRequest }
            return response
        }
    }

    /// Heroku Connect's choice for a new mapping.
    private static func beginning(_ describe: ObjectDescribe?) -> MappingConfiguration {
        let names = ["CreatedDate", "IsDeleted", "Name", "SystemModstamp"].filter {
            describe?.field(named: $0) != nil
        }
        return MappingConfiguration(access: .readOnly, fields: ["Id"] + names)
    }

    private func plan(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        let stored = book.mapping(of: visit.form[MappingForm.objectField] ?? "")?.configuration
        let form = MappingForm(visit.form, existing: stored)
        guard SOQL.isName(form.object) else { throw Problem(.badRequest, "The object's name is not valid.") }
        guard form.complaints.isEmpty else {
            return try await editor(
                form.object, form.configuration, base: form.base, complaints: form.complaints, book, visit)
        }
        return try await plan(form.file, [form.object.lowercased(): form.base], book, visit)
    }

    private func planImport(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        let file: MappingFile
        do {
            file = try self.file(in: visit.form)
        } catch let problem as Problem {
            return try await list(book, visit, complaint: problem.detail ?? problem.title)
        }
        let bases = file.mappings.map { ($0.objectName.lowercased(), book.version(of: $0.objectName)) }
        return try await plan(file, Dictionary(bases) { first, _ in first }, book, visit)
    }

    private func plan(
        _ file: MappingFile, _ bases: [String: String], _ book: MappingBook, _ visit: Visit
    ) async throws -> Response {
        var settings = book.settings
        let report = settings.apply(features: file.features)
        if let problem = report.problems.first { return try await list(book, visit, complaint: problem) }
        return try await asking(book, visit) {
            let page = MappingPlanPage(
                place: MappingPlace(organization: book.organization),
                plans: try await tenants.plans(of: file, in: book), file: file, bases: bases,
                settings: report.changes + report.warnings.map { "warning: \($0)" },
                outdated: book.outdated(file, bases), token: visit.token)
            return layout.page(page.title, in: .tenants, page.content)
        }
    }

    private func apply(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        let file = try file(in: visit.form)
        return try await asking(book, visit) {
            let id = try await tenants.apply(
                file, basedOn: Self.bases(visit.form), to: book.organization, by: visit.actor)
            let place = MappingPlace(organization: book.organization)
            return .redirect(to: "\(place.path)/imports/\(id.uuidString.lowercased())")
        }
    }

    private func remove(_ visit: Visit) async throws -> Response {
        let book = try await book(visit)
        let object = visit.form[MappingForm.objectField] ?? ""
        let place = MappingPlace(organization: book.organization)
        guard visit.form["confirm"]?.lowercased() == object.lowercased() else {
            return try await list(
                book, visit, complaint: "Nothing was removed: the typed name is not \(object).")
        }
        return try await asking(book, visit) {
            try await tenants.removeMapping(
                object, basedOn: visit.form[MappingForm.baseField] ?? "", of: book.organization,
                dropsTable: visit.form["drop"] == "on", by: visit.actor)
            return visit.redirect(to: place.path, [ActionNotice.field: "mapping-removal"])
        }
    }

    private func file(in form: Form) throws -> MappingFile {
        do {
            return try MappingFile(parsing: Array((form[MappingPlanPage.fileField] ?? "").utf8))
        } catch {
            throw Problem(.badRequest, "The file is not valid: \(error.message)")
        }
    }

    private static func bases(_ form: Form) -> [String: String] {
        let pairs = form.values(MappingPlanPage.baseField).map { text -> (String, String) in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts.first ?? ""), parts.count > 1 ? String(parts[1]) : "")
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
