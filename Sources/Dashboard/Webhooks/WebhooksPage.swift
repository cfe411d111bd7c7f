import Feeds
import FoundationEssentials
import HTTPWire
import Pages

/// The receivers of events, and their deliveries that are dead or wait for another attempt.
struct WebhooksPage: Sendable {
    let webhooks: [WebhookBook.Listed]
    let deliveries: [Delivery]
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    var content: HTML {
        guard !webhooks.isEmpty else {
            return """
                <h1>Webhooks</h1>\(notice?.content ?? "")<section class="card"><div class="empty">
                <b>No webhooks</b><code>multiconnect webhooks add</code> adds one.</div></section>
                """
        }
        return """
            <h1>Webhooks</h1>\(notice?.content ?? "")
            <section class="card flush"><div class="scroll"><table class="cards"><thead><tr><th>Name</th>
            <th>Events</th><th class="number">Waiting</th><th class="number">Dead</th><th></th></tr></thead>
            <tbody>\(webhooks.map(row))</tbody></table></div></section>
            <h2>Failed deliveries</h2>\(failed)
            """
    }

    private func row(_ listed: WebhookBook.Listed) -> HTML {
        let webhook = listed.webhook
        let groups = webhook.filter.groups.map(\.rawValue).sorted().joined(separator: ", ")
        let tenant = webhook.filter.organization?.uuidString.lowercased() ?? "all tenants"
        let retry: HTML =
            (listed.deliveries[.waiting] ?? 0) + (listed.deliveries[.dead] ?? 0) == 0
            ? "" : form(webhook.name, nil, "Send all again")
        return """
            <tr><td data-label="Name"><div><b>\(webhook.name)</b>
            <span class="id">\(webhook.host ?? "stream only")</span></div></td>
            <td data-label="Events"><div>\(groups)<span class="id">\(tenant)</span></div></td>
            <td data-label="Waiting" class="number">\(String(listed.deliveries[.waiting] ?? 0))</td>
            <td data-label="Dead" class="number">\(String(listed.deliveries[.dead] ?? 0))</td>
            <td data-label=""><div class="actions">\(retry)</div></td></tr>
            """
    }

    private var failed: HTML {
        guard !deliveries.isEmpty else {
            return """
                <section class="card"><div class="empty"><b>None</b>No delivery has failed.</div></section>
                """
        }
        return """
            <section class="card flush"><div class="scroll"><table class="cards"><thead><tr><th>Delivery</th>
            <th>State</th><th class="number">Events</th><th class="number">Attempts</th><th>Last answer</th>
            <th></th></tr></thead><tbody>\(deliveries.map(row))</tbody></table></div></section>
            """
    }

    private func row(_ delivery: Delivery) -> HTML {
        let id = delivery.id.uuidString.lowercased()
        let state: HTML =
            delivery.state == .dead
            ? "<span class=\"bad\">dead</span>"
            : "next attempt \(DashboardText.distance(delivery.nextAttemptAt, from: now))"
        return """
            <tr><td data-label="Delivery"><div><b>\(delivery.webhook)</b>
            <span class="id">\(id)</span></div></td>
            <td data-label="State"><div>\(state)</div></td>
            <td data-label="Events" class="number">\(String(delivery.events))</td>
            <td data-label="Attempts" class="number">\(String(delivery.attempts))</td>
            <td data-label="Last answer"><div class="error">\(delivery.error ?? "")</div></td>
            <td data-label=""><div class="actions">\(form(delivery.webhook, id, "Send again"))</div></td></tr>
            """
    }

    private func form(_ webhook: String, _ delivery: String?, _ title: String) -> HTML {
        let field: HTML = delivery.map { "<input type=\"hidden\" name=\"delivery\" value=\"\($0)\">" } ?? ""
        return """
            <form method="post" action="/dashboard/webhooks">\(token.input)
            <input type="hidden" name="webhook" value="\(webhook)">\(field)
            <button class="small">\(title)</button></form>
            """
    }
}
