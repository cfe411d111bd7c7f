import Jobs
import Organizations

extension ArgumentMask {
    /// Hides the secret arguments of this program's jobs.
    static let standard: ArgumentMask = {
        var mask = ArgumentMask()
        OrganizationJob.hide(in: &mask)
        return mask
    }()
}
