import FoundationEssentials
import Organizations
import Pages

/// Mails as a table. Each text can be opened.
struct MailTable: Sendable {
    let mails: [StoredMail]
    let organizations: [UUID: Organization]
    let now: Date

    var content: HTML {
        """
        <div class="scroll"><table class="cards"><thead><tr><th>Written</th><th>Tenant</th><th>Purpose</th>
        <th>To</th><th>State</th><th>Mail</th></tr></thead><tbody>\(mails.map(row))</tbody></table></div>
        """
    }

    private func row(_ mail: StoredMail) -> HTML {
        let redirected: HTML =
            mail.sentTo.map { $0 == mail.recipient ? "" : "<span class=\"id\">sent to \($0)</span>" } ?? ""
        return """
            <tr><td data-label="Written" class="nowrap">
            \(DashboardText.distance(mail.createdAt, from: now))</td>
            <td data-label="Tenant">\(DashboardText.tenant(mail.organization, organizations))</td>
            <td data-label="Purpose">\(mail.purpose)</td>
            <td data-label="To"><div>\(mail.recipient)\(redirected)</div></td>
            <td data-label="State"><div>\(state(mail))</div></td>
            <td data-label="Mail"><details><summary>\(mail.subject)</summary>
            <pre>\(mail.text)</pre></details></td></tr>
            """
    }

    private func state(_ mail: StoredMail) -> HTML {
        if let time = mail.sentAt {
            return "<span class=\"state done\">sent</span> \(DashboardText.distance(time, from: now))"
        }
        guard let error = mail.error else {
            return
                "<span class=\"state retry\">not sent</span> <span class=\"dim\">waits, or no SMTP_URL</span>"
        }
        let excerpt = DashboardText.excerpt(error)
        return "<span class=\"state dead\">failed</span><div class=\"error\">\(excerpt)</div>"
    }
}
