import FoundationEssentials
import Jobs
import Organizations

/// The part of the page of queues about tenants that have several jobs in a turn.
struct WeightsSection: Sendable {
    let weights: [TenantWeight]
    let organizations: [UUID: Organization]
    let token: FormToken
    let time: Date

    var content: HTML {
        "<section class=\"card flush\"><h2>Weights</h2>\(table)\(form)</section>"
    }

    private var table: HTML {
        guard !weights.isEmpty else {
            return "<div class=\"empty\"><b>All tenants weigh the same</b>Each has one job in a turn.</div>"
        }
        let rows = weights.map { weight -> HTML in
            let name = PauseText.name(.tenant(weight.organizationID), organizations)
            return """
                <tr><td data-label="Who"><b>\(name)</b></td>
                <td data-label="Jobs in a turn" class="number">\(String(weight.weight))</td>
                <td data-label="By">\(weight.actor)</td>
                <td data-label="Since" class="nowrap">\(OperatorText.distance(weight.createdAt, from: time))</td>
                <td data-label=""><form method="post" action="/dashboard/jobs/weights">\(token.input)
                <input type="hidden" name="tenant" value="\(weight.organizationID.uuidString.lowercased())">
                <button class="small" name="weight" value="1">As the others</button></form></td></tr>
                """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Who</th><th class="number">Jobs in a turn</th>
            <th>By</th><th>Since</th><th></th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private var form: HTML {
        """
        <div class="bar"><form class="inline" method="post" action="/dashboard/jobs/weights">\(token.input)
        <label>Tenant’s org id<input name="tenant" required maxlength="100" autocapitalize="off" spellcheck="false">
        </label><label>Jobs in a turn<input name="weight" type="number" min="\(String(TenantWeight.range.lowerBound))"
        max="\(String(TenantWeight.range.upperBound))" value="2" required></label><button>Weigh</button></form></div>
        """
    }
}
