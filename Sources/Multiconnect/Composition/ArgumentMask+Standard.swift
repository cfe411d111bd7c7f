import Jobs
import Organizations

extension ArgumentMask {
    /// What of the jobs of this program nobody is shown.
    static let standard: ArgumentMask = {
        var mask = ArgumentMask()
        OrganizationJob.hide(in: &mask)
        return mask
    }()
}
