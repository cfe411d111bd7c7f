package import FoundationEssentials
package import Jobs

extension JobContext {
    /// The tenant in the job's first argument. Throws `.malformedArguments` for anything but a UUID.
    package func organizationArgument() throws -> UUID {
        guard let id = UUID(uuidString: try argument(0, as: String.self)) else {
            throw OrganizationsError(
                .malformedArguments, "the first argument is not the UUID of an organization")
        }
        return id
    }
}
