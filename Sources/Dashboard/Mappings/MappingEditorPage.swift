import Organizations
import Pages
import Salesforce
import TenantSchema

/// The editor of one mapping.
struct MappingEditorPage: Sendable {
    let place: MappingPlace
    let object: String
    /// The label of the object in the org; empty if the org has no such object.
    let label: String
    /// The mapping that is edited.
    let configuration: MappingConfiguration
    let fields: MappingFields
    /// The version of the stored mapping; empty for a new one.
    let base: String
    let complaints: [String]
    let token: FormToken

    var title: String { base.isEmpty ? "Add \(object)" : "Edit \(object)" }

    var content: HTML {
        """
        <div class="row"><h1>\(title)</h1><div class="actions">\(place.link)</div></div>
        \(complaints.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" as HTML })
        <form method="post" action="\(place.path)/plan">\(token.input)
        \(MappingPlace.hidden(MappingForm.objectField, object))
        \(MappingPlace.hidden(MappingForm.baseField, base))
        <section class="card"><h2>Settings</h2><div class="settings">\(settings)</div></section>
        <section class="card flush"><h2>Fields</h2>\(table)
        <div class="bar sticky"><button class="main">Show the plan</button>
        <span class="dim">Nothing changes before you apply the plan.</span></div></section></form>
        \(removal)
        """
    }

    private func value(_ name: String) -> String {
        let value = configuration.settings.first { $0.name == name }?.value ?? ""
        return value == "none" ? "" : value
    }

    private func option(_ value: String, _ text: String, _ present: String) -> HTML {
        let mark: HTML = value == present ? "selected" : ""
        return "<option value=\"\(value)\" \(mark)>\(text)</option>"
    }

    private func check(_ name: String, _ text: String) -> HTML {
        let mark: HTML = value(name) == "true" ? "checked" : ""
        return """
            <label class="check"><input type="checkbox" name="\(name)" value="on" \(mark)> \(text)</label>
            """
    }

    private var settings: HTML {
        let access = configuration.access.rawValue
        let present = configuration.upsertField ?? ""
        let identifiers = fields.identifiers(configuration.upsertField).map { option($0, $0, present) }
        return """
            <label>Access<select name="access">
            \(option("read_only", "read only", access))\(option("read_write", "read and write", access))
            </select><small>Read and write: users' changes are sent to Salesforce.</small></label>
            <label>Poll every (seconds)<input name="sf_polling_seconds" type="number" inputmode="numeric"
            min="\(String(MappingConfiguration.minimumPollingSeconds))" value="\(value("sf_polling_seconds"))"
            required><small>Objects with change events are polled less often.</small></label>
            <label>Unique identifier<select name="upsert_field">\(option("", "none", present))
            \(identifiers)</select><small>An external id: new rows are sent as upserts.</small></label>
            <label>Most API calls a day<input name="sf_max_daily_api_calls" type="number" inputmode="numeric"
            min="1" value="\(value("sf_max_daily_api_calls"))" placeholder="no limit"></label>
            <label class="wide">Row filter (SOQL)<input name="filter" value="\(value("filter"))"
            maxlength="4000" placeholder="all records" autocapitalize="off" spellcheck="false">
            <small>A condition, such as Type = 'Customer'. The org checks it.</small></label>
            \(check("sf_notify_enabled", "Accelerated polling"))
            \(check("numeric", "Exact decimal numbers"))
            \(check("save_duplicates", "Save duplicates that a rule allows"))
            """
    }

    private var table: HTML {
        """
        <div class="scroll"><table class="cards"><thead><tr><th>Field</th><th>Type</th><th>Read only</th>
        <th>Index</th><th>Unique index</th></tr></thead><tbody>\(fields.rows.map(row))</tbody></table></div>
        <div class="bar"><label class="wide">Further names, one per line, such as
        <code>Account.External_Id__c</code><textarea name="\(MappingForm.moreField)" rows="2"
        autocapitalize="off" spellcheck="false"></textarea></label></div>
        """
    }

    private func row(_ field: MappingFields.Row) -> HTML {
        guard field.name != "Id" else {
            return """
                <tr><td data-label="Field"><div>Id<span class="id">always mapped, column sfid</span></div>
                </td><td data-label="Type">id</td><td></td><td></td><td></td></tr>
                """
        }
        guard field.isPossible else {
            return """
                <tr><td data-label="Field"><div class="dim">\(field.name)
                <span class="id">\(field.label)</span></div></td><td data-label="Type">\(field.type)</td>
                <td data-label="" colspan="3" class="dim">no column type</td></tr>
                """
        }
        let isIndexed = configuration.indexes[field.name]
        let indexes: HTML =
            MappingForm.isAlwaysIndexed(field.name)
            ? "<td data-label=\"Index\" class=\"dim\">always</td><td></td>"
            : """
            <td data-label="Index">\(box(MappingForm.indexField, field, isIndexed == false, "Index"))</td>
            <td data-label="Unique">\(box(MappingForm.uniqueField, field, isIndexed == true, "Unique index"))
            </td>
            """
        let isReadOnly = configuration.fieldAccess[field.name] == .readOnly
        let readOnly: HTML =
            field.isWritable
            ? box(MappingForm.readOnlyField, field, isReadOnly, "Read only")
            : "<span class=\"dim\">always</span>"
        return """
            <tr><td data-label="Field"><label class="check">
            \(box(MappingForm.fieldField, field, field.isMapped, nil)) \(field.name)
            <span class="id">\(field.label)</span></label></td>
            <td data-label="Type">\(field.type)</td>
            <td data-label="Read only">\(readOnly)</td>\(indexes)</tr>
            """
    }

    /// - Parameter label: nil inside an element with a label.
    private func box(_ name: String, _ field: MappingFields.Row, _ isOn: Bool, _ label: String?) -> HTML {
        let mark: HTML = isOn ? "checked" : ""
        let text: HTML = label.map { "aria-label=\"\($0): \(field.name)\"" } ?? ""
        return "<input type=\"checkbox\" name=\"\(name)\" value=\"\(field.name)\" \(mark) \(text)>"
    }

    private var removal: HTML {
        guard !base.isEmpty else { return "" }
        return """
            <section class="card"><h2>Remove this mapping</h2>
            <p>The sync of \(object) ends. Its table stays with its rows as an ordinary table, unless you drop
            it. Local changes that Salesforce does not have prevent the removal.</p>
            <form class="inline" method="post" action="\(place.path)/remove">\(token.input)
            \(MappingPlace.hidden(MappingForm.baseField, base))
            \(MappingPlace.hidden(MappingForm.objectField, object))
            <label>Type <b>\(object)</b> to confirm<input name="confirm" required autocapitalize="off"
            autocomplete="off" spellcheck="false"></label>
            <label class="check"><input type="checkbox" name="drop" value="on"> Drop the table too</label>
            <button class="danger">Remove the mapping</button></form></section>
            """
    }
}
