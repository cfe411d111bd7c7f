import FoundationEssentials
import Jobs
import Organizations
import Pages

/// The weights on the page of queues: how many jobs a tenant starts per turn of the ring.
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
            return "<div class=\"empty\"><b>No weights</b>Each tenant starts one job per turn.</div>"
        }
        let rows = weights.map { weight -> HTML in
            let name = DashboardText.name(.tenant(weight.organizationID), organizations)
            return """
                <tr><td data-label="Tenant"><b>\(name)</b></td>
                <td data-label="Jobs per turn" class="number">\(String(weight.weight))</td>
                <td data-label="By">\(weight.actor)</td>
                <td data-label="Since" class="nowrap">
                \(DashboardText.distance(weight.createdAt, from: time))</td>
                <td data-label=""><form method="post" action="/dashboard/jobs/weights">\(token.input)
                <input type="hidden" name="tenant" value="\(weight.organizationID.uuidString.lowercased())">
                <button class="small" name="weight" value="1">Remove</button></form></td></tr>
                """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Tenant</th>
            <th class="number">Jobs per turn</th><th>By</th><th>Since</th><th></th></tr></thead>
            <tbody>\(rows)</tbody></table></div>
            """
    }

    private var form: HTML {
        """
        <div class="bar"><form class="inline" method="post" action="/dashboard/jobs/weights">\(token.input)
        <label>Tenant (org id)<input name="tenant" required maxlength="100" autocapitalize="off"
        spellcheck="false"></label><label>Jobs per turn<input name="weight" type="number"
        min="\(String(TenantWeight.range.lowerBound))" max="\(String(TenantWeight.range.upperBound))"
        value="2" required></label><button>Set weight</button></form></div>
        """
    }
}
