import Feeds
import Organizations
import Processes

extension SealedColumn {
    /// All columns that `SECRET` seals.
    static let all = organizations + [webhooks, processes]
}
