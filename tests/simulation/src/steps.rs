//! The steps that a fault can hit: every call of a port.

/// A call of a port, named after its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Step {
    Account,
    DeleteAccount,
    AllocateWebhookId,
    CreateWebhook,
    Webhook,
    UpdateWebhook,
    DeleteWebhook,
    Subscribers,
    Target,
    NoteFailure,
    NoteSuccess,
    DisableWebhook,
    EnableWebhook,
    Host,
    ChangeHost,
    NamesHost,
    Audit,
    AllocatePolicyId,
    CreatePolicy,
    Policy,
    UpdatePolicy,
    ClaimEvent,
    EventDone,
    Event,
    ClaimAttempt,
    Record,
    Delivery,
    PutEvents,
    PutAttempts,
    PutRedelivery,
    PutRecovery,
    PutMail,
    CountRedeliverable,
    Redeliverable,
    RunningRedelivery,
    BeginRedelivery,
    Redelivery,
    RedeliveryProgress,
    Seal,
    Open,
    Admit,
    HasMailBatch,
    JoinMailBatch,
    ClaimMailBatch,
    RemoveMailBatch,
    SendMail,
    Post,
}

impl Step {
    pub(crate) const ALL: [Self; 47] = [
        Self::Account,
        Self::DeleteAccount,
        Self::AllocateWebhookId,
        Self::CreateWebhook,
        Self::Webhook,
        Self::UpdateWebhook,
        Self::DeleteWebhook,
        Self::Subscribers,
        Self::Target,
        Self::NoteFailure,
        Self::NoteSuccess,
        Self::DisableWebhook,
        Self::EnableWebhook,
        Self::Host,
        Self::ChangeHost,
        Self::NamesHost,
        Self::Audit,
        Self::AllocatePolicyId,
        Self::CreatePolicy,
        Self::Policy,
        Self::UpdatePolicy,
        Self::ClaimEvent,
        Self::EventDone,
        Self::Event,
        Self::ClaimAttempt,
        Self::Record,
        Self::Delivery,
        Self::PutEvents,
        Self::PutAttempts,
        Self::PutRedelivery,
        Self::PutRecovery,
        Self::PutMail,
        Self::CountRedeliverable,
        Self::Redeliverable,
        Self::RunningRedelivery,
        Self::BeginRedelivery,
        Self::Redelivery,
        Self::RedeliveryProgress,
        Self::Seal,
        Self::Open,
        Self::Admit,
        Self::HasMailBatch,
        Self::JoinMailBatch,
        Self::ClaimMailBatch,
        Self::RemoveMailBatch,
        Self::SendMail,
        Self::Post,
    ];

    /// Made so seldom that chance would hardly ever hit it.
    pub(crate) fn is_rare(self) -> bool {
        matches!(
            self,
            Self::DeleteAccount
                | Self::UpdateWebhook
                | Self::DeleteWebhook
                | Self::NoteSuccess
                | Self::DisableWebhook
                | Self::EnableWebhook
                | Self::NamesHost
                | Self::Audit
                | Self::AllocatePolicyId
                | Self::CreatePolicy
                | Self::Policy
                | Self::UpdatePolicy
                | Self::Delivery
                | Self::PutRedelivery
                | Self::PutRecovery
                | Self::PutMail
                | Self::CountRedeliverable
                | Self::RunningRedelivery
                | Self::BeginRedelivery
                | Self::Redelivery
                | Self::RedeliveryProgress
                | Self::HasMailBatch
                | Self::JoinMailBatch
                | Self::ClaimMailBatch
                | Self::RemoveMailBatch
        )
    }

    /// The POST itself cannot fail by our own fault: what goes wrong there is a value.
    pub(crate) fn can_fail(self) -> bool {
        self != Self::Post
    }
}

/// What happens to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cut {
    /// It fails and nothing happened.
    FailsBefore,
    /// It fails, though it happened.
    FailsAfter,
    /// The process dies before it.
    DiesBefore,
    /// The process dies just after it.
    DiesAfter,
    /// It takes so long that leases run out.
    Dawdles,
}

impl Cut {
    pub(crate) const ALL: [Self; 5] =
        [Self::FailsBefore, Self::FailsAfter, Self::DiesBefore, Self::DiesAfter, Self::Dawdles];

    /// What that means for a step that cannot fail.
    pub(crate) fn fit(self, step: Step) -> Self {
        match self {
            Self::FailsBefore if !step.can_fail() => Self::DiesBefore,
            Self::FailsAfter if !step.can_fail() => Self::DiesAfter,
            Self::FailsBefore | Self::FailsAfter | Self::DiesBefore | Self::DiesAfter | Self::Dawdles => self,
        }
    }
}
