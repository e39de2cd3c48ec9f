//! Accounts that are deleted while work goes on. From that step on no message of theirs is sent, no mail about them is
//! allowed, and their records are removed in small steps.

use hookline_core::ids::AccountId;

use crate::world::State;

impl State {
    /// An account was deleted; `existed` says whether the store knew it.
    pub(crate) fn account_deleted(&mut self, account: &AccountId, existed: bool) {
        if existed == self.is_gone(account) {
            self.violation(format!("account {account} was deleted, and existed: {existed}"));
        }
        if !existed {
            return;
        }
        self.coverage.row("account deleted");
        let step = self.steps;
        let shadow = &mut self.shadow;
        shadow.gone.insert(account.clone(), step);
        shadow.leftovers = true;
        shadow.policies.retain(|(owner, _)| owner != account);
        for known in shadow.webhooks.values_mut().filter(|known| known.account == *account) {
            known.deleted = true;
        }
    }

    pub(crate) fn is_gone(&self, account: &AccountId) -> bool {
        self.shadow.gone.contains_key(account)
    }

    /// A message of a deleted account is sent only if its webhook was read before the deletion.
    pub(crate) fn check_not_gone(&mut self) {
        let work = self.work().clone();
        let account = work.attempt.as_ref().map(|attempt| attempt.message.account());
        let deleted = account.and_then(|account| self.shadow.gone.get(account));
        if deleted.is_some_and(|step| work.target_read > *step) {
            self.violation(format!("a message of a deleted account: {:?}", work.attempt));
        }
    }

    /// No mail is allowed about the webhooks of a deleted account.
    pub(crate) fn check_no_leave(&mut self, account: &AccountId) {
        if self.is_gone(account) {
            self.violation(format!("leave to mail about a webhook of the deleted account {account}"));
        }
    }
}
