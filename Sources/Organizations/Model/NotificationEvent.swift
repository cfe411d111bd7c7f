/// The event types of the notifications about tenants.
enum NotificationEvent {
    /// The tenant's grant was revoked; sync has stopped.
    static let unauthorized = "unauthorized"
    /// Salesforce has refused for a day to refresh the token, without ending the grant.
    static let refreshRefused = "refresh_refused"
    static let consentRefused = "consent_refused"
    /// A consent ended with an error of ours or of Salesforce.
    static let consentFailed = "consent_failed"
    /// The tenant's admin was not mailed: the job is dead.
    static let mailFailed = "mail_failed"
    /// No mail can be sent at present; jobs retry.
    static let mailFailing = "mail_failing"
    /// A mail to an operator was refused for good.
    static let operatorMailFailed = "operator_mail_failed"
    /// The webhook for notifications does not accept them.
    static let webhookFailing = "webhook_failing"
    static let registrationRefused = "registration_refused"
    /// The registered address is masked, so that no mail reaches the admin.
    static let registrationUnreachable = "registration_unreachable"
    /// A step of the tenant failed for good.
    static let jobFailed = "job_failed"
    /// The database lacks something that the tenant's schema needs.
    static let databaseUnsuitable = "database_unsuitable"
    /// An object of the tenant could not be imported.
    static let mappingFailed = "mapping_failed"
}
