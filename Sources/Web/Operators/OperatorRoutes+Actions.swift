import FoundationEssentials
import HTTPServer
import HTTPWire
import Jobs
import Organizations
import Postgres

/// What operators do. Every form is answered by a redirect, so that loading the page again does nothing
/// twice.
extension OperatorRoutes {
    func act(_ visit: Visit) async throws -> Response {
        let id = try visit.request.parameters.value("id") { JobID($0) }
        let action = try visit.request.parameters.value("action") { JobAction(rawValue: $0) }
        let outcome = try await jobs.perform(action, on: id, by: visit.actor)
        let notice = OperatorNotice.fields(action, outcome)
        let isGone = outcome == .unknown || action == .delete && outcome.isDone
        return visit.back(to: isGone ? "/dashboard/jobs" : "/dashboard/jobs/\(id)", notice)
    }

    func actOnSelected(_ visit: Visit) async throws -> Response {
        let action = try action(visit.form)
        var outcome = BulkOutcome()
        for text in visit.form.values("id").prefix(Self.pageSize) {
            guard let id = JobID(text) else { throw Problem(.badRequest, "The form names what is no job.") }
            switch try await jobs.perform(action, on: id, by: visit.actor) {
            case .done, .requested: outcome.changed += 1
            case .unknown, .refused, .conflict: outcome.skipped += 1
            }
        }
        return visit.back(to: JobQuery(visit.form).link(), OperatorNotice.fields(action, outcome))
    }

    func actOnAll(_ visit: Visit) async throws -> Response {
        let action = try visit.request.parameters.value("action") { JobAction(rawValue: $0) }
        var query = JobQuery(visit.form)
        let filter = try await query.filter(pool)
        if let complaint = query.complaints.first { throw Problem(.badRequest, complaint) }
        let outcome: BulkOutcome
        do {
            let rest = visit.form[BulkPage.restField].flatMap { BulkPosition($0) }
            outcome = try await jobs.performAll(
                action, filter, by: visit.actor, from: rest, within: patience)
        } catch let error as JobsError where error.code == .refused {
            throw Problem(.conflict, error.description)
        }
        var notice = OperatorNotice.fields(action, outcome)
        guard let rest = outcome.rest else { return visit.back(to: query.link(), notice) }
        notice.fields.append(.init(name: BulkPage.restField, value: "\(rest)"))
        return visit.back(to: query.link("/dashboard/jobs/bulk/\(action.rawValue)"), notice)
    }

    func changePause(_ visit: Visit) async throws -> Response {
        let scope: PauseScope
        switch try await self.scope(visit.form) {
        case .success(let named): scope = named
        case .failure(let complaint): return try await queues(visit, complaint: complaint.text)
        }
        let isChanged: Bool
        switch visit.form["action"] {
        case "pause":
            let reason = visit.form["reason"].flatMap { $0.isEmpty ? nil : String($0.prefix(200)) }
            isChanged = try await jobs.pause(scope, by: visit.actor, reason: reason)
        case "resume": isChanged = try await jobs.resume(scope, by: visit.actor)
        default: throw Problem(.badRequest, "The form says neither pause nor resume.")
        }
        var notice = isChanged ? (visit.form["action"] == "pause" ? "paused" : "resumed") : "unchanged"
        // The pause holds whatever becomes of the search for known names.
        if notice == "paused", (try? await jobs.warning(about: scope)) != nil { notice = "paused-unknown" }
        return visit.back(to: "/dashboard/jobs/queues", [OperatorNotice.field: notice])
    }

    func changeWeight(_ visit: Visit) async throws -> Response {
        guard let weight = visit.form["weight"].flatMap({ Int($0) }), TenantWeight.range.contains(weight)
        else { return try await queues(visit, complaint: "A weight is 1 to 100.") }
        let organization: UUID
        switch try await tenant(visit.form["tenant"] ?? "") {
        case .success(let id): organization = id
        case .failure(let complaint): return try await queues(visit, complaint: complaint.text)
        }
        let isChanged = try await jobs.weigh(organization, weight, by: visit.actor)
        return visit.back(
            to: "/dashboard/jobs/queues", [OperatorNotice.field: isChanged ? "weighed" : "unchanged"])
    }

    func changePeriodic(_ visit: Visit) async throws -> Response {
        let name = visit.form["name"] ?? ""
        let notice: String
        do {
            switch visit.form["action"] {
            case "pause":
                notice = try await jobs.pausePeriodic(name, by: visit.actor) ? "paused" : "unchanged"
            case "resume":
                notice = try await jobs.resumePeriodic(name, by: visit.actor) ? "resumed" : "unchanged"
            case "run":
                _ = try await jobs.runPeriodic(name, by: visit.actor)
                notice = "started"
            default: throw Problem(.badRequest, "The form says neither pause, resume nor run.")
            }
        } catch let error as JobsError where error.code == .notFound {
            throw Problem(.notFound, "There is no such periodic job any more.")
        } catch let error as JobsError where error.code == .schedule {
            throw Problem(.conflict, "Its schedule cannot be read, so it cannot tick.")
        }
        return visit.back(to: "/dashboard/jobs/periodic", [OperatorNotice.field: notice])
    }

    private struct Complaint: Error {
        let text: String
    }

    /// What a form wants paused: a key, or a kind and a name.
    private func scope(_ form: Form) async throws -> Result<PauseScope, Complaint> {
        if let key = form["scope"] {
            guard let scope = PauseScope(key: key) else {
                throw Problem(.badRequest, "The form names nothing.")
            }
            return .success(scope)
        }
        let name = form["name"] ?? ""
        if form["kind"] == "tenant" { return try await tenant(name).map(PauseScope.tenant) }
        guard let scope = PauseScope(key: "\(form["kind"] ?? ""):\(name)") else {
            return .failure(Complaint(text: "There can be no \(form["kind"] ?? "queue") “\(name)”."))
        }
        return .success(scope)
    }

    /// The tenant that a text names.
    private func tenant(_ name: String) async throws -> Result<UUID, Complaint> {
        var query = JobQuery(["tenant": name])
        let filter = try await query.filter(pool)
        guard let id = filter.organizationID, query.complaints.isEmpty else {
            return .failure(Complaint(text: query.complaints.first ?? "Say which tenant: its org id."))
        }
        guard try await pool.withConnection({ try await OrganizationStore(on: $0).find(id: id) }) != nil
        else {
            return .failure(Complaint(text: "There is no tenant “\(name)”: give its org id."))
        }
        return .success(id)
    }

    private func action(_ form: Form) throws -> JobAction {
        guard let action = form["action"].flatMap(JobAction.init(rawValue:)) else {
            throw Problem(.badRequest, "The form says not what to do.")
        }
        return action
    }
}

extension OperatorRoutes.Visit {
    fileprivate func back(to path: String, _ notice: Form) -> Response {
        .redirect(
            to: path + (path.contains("?") ? "&" : "?") + OperatorNotice.sealed(notice, by: token).encoded)
    }
}

extension JobActionOutcome {
    fileprivate var isDone: Bool {
        if case .done = self { true } else { false }
    }
}
