import Encoding
import Pages
import Replication
import TenantSchema

/// The effects of changed mappings, before they are applied.
struct MappingPlanPage: Sendable {
    let place: MappingPlace
    let plans: [MappingPlan]
    let file: MappingFile
    /// Versions by object in lower case.
    let bases: [String: String]
    /// Changed and ignored settings of the connection.
    let settings: [String]
    /// Objects that have changed since the form was opened.
    let outdated: [String]
    let token: FormToken

    static let fileField = "file"
    static let baseField = "base"

    var title: String { plans.count == 1 ? "Plan for \(plans[0].change.entry.objectName)" : "Plan" }

    private var isChange: Bool {
        plans.contains { $0.change.kind != .unchanged } || !settings.isEmpty
    }

    private var isRefused: Bool { !outdated.isEmpty || plans.contains(where: \.isRefused) }

    var content: HTML {
        let lines = settings.map { "<li>\($0)</li>" as HTML }
        let connection: HTML =
            settings.isEmpty
            ? "" : "<section class=\"card\"><h2>Connection</h2><ul>\(lines)</ul></section>"
        return """
            <div class="row"><h1>\(title)</h1><div class="actions">\(place.link)</div></div>
            \(warning)\(connection)\(plans.map(card))\(actions)
            """
    }

    private var warning: HTML {
        if let first = outdated.first {
            return """
                <p class="notice bad" role="alert">\(outdated.joined(separator: ", ")) changed since the form
                was opened. <a href="\(place.editor(first))">Edit \(first) again</a></p>
                """
        }
        guard isChange else { return "<p class=\"notice warn\">Nothing would change.</p>" }
        return isRefused
            ? "<p class=\"notice bad\" role=\"alert\">A worker would refuse a part of this plan.</p>" : ""
    }

    private func card(_ plan: MappingPlan) -> HTML {
        let (style, text) =
            switch plan.change.kind {
            case .new: ("running", "new")
            case .changed: ("retry", "changed")
            case .unchanged: ("off", "unchanged")
            }
        let details = plan.change.details.map { "<li><code>\($0)</code></li>" as HTML }
        let settings: HTML = details.isEmpty ? "" : "<p class=\"dim\">Settings</p><ul>\(details)</ul>"
        let effects: HTML =
            plan.effects.isEmpty
            ? "" : "<p class=\"dim\">Effects</p><ul class=\"effects\">\(plan.effects.map(effect))</ul>"
        return """
            <section class="card"><h2>\(plan.change.entry.objectName)
            <span class="state \(style)">\(text)</span></h2>\(settings)\(effects)</section>
            """
    }

    private func effect(_ effect: MappingPlan.Effect) -> HTML {
        let style =
            switch effect.kind {
            case .adds: "done"
            case .removes, .warns: "retry"
            case .changes, .reads: "running"
            case .refuses: "dead"
            }
        return "<li><span class=\"state \(style)\">\(effect.kind.rawValue)</span> \(effect.text)</li>"
    }

    private var actions: HTML {
        let text = MappingPlace.hidden(Self.fileField, file.json.serialized)
        let versions = bases.sorted { $0.key < $1.key }.map {
            MappingPlace.hidden(Self.baseField, "\($0.key)=\($0.value)")
        }
        let edit: HTML =
            plans.count == 1 && outdated.isEmpty
            ? """
            <form method="post" action="\(place.path)/edit">\(token.input)\(text)\(versions)
            <button>Back to the editor</button></form>
            """ : ""
        let apply: HTML =
            isChange && !isRefused
            ? """
            <form method="post" action="\(place.path)/apply">\(token.input)\(text)\(versions)
            <button class="main">Apply the plan</button></form>
            """ : ""
        return "<div class=\"actions\">\(apply)\(edit)</div>"
    }
}
