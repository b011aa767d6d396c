//! The life of an appointment: which states there are and which may follow which. The table is the rule.

/// Where an appointment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pending,
    Scheduled,
    Confirmed,
    CheckedIn,
    InProgress,
    Completed,
    NoShow,
    CancelledByPatient,
    CancelledByClinic,
}

use Status as S;

/// What may follow. Whatever is not here is refused.
const NEXT: &[(Status, &[Status])] = &[
    (S::Pending, &[S::Scheduled, S::Confirmed, S::CancelledByPatient, S::CancelledByClinic]),
    (S::Scheduled, &[S::Confirmed, S::CheckedIn, S::NoShow, S::CancelledByPatient, S::CancelledByClinic]),
    (S::Confirmed, &[S::CheckedIn, S::NoShow, S::CancelledByPatient, S::CancelledByClinic]),
    (S::CheckedIn, &[S::InProgress, S::NoShow, S::CancelledByPatient, S::CancelledByClinic]),
    (S::InProgress, &[S::Completed]),
];

impl Status {
    pub const ALL: [Status; 9] = [
        S::Pending,
        S::Scheduled,
        S::Confirmed,
        S::CheckedIn,
        S::InProgress,
        S::Completed,
        S::NoShow,
        S::CancelledByPatient,
        S::CancelledByClinic,
    ];

    /// The word in tables, code and API.
    pub fn name(self) -> &'static str {
        match self {
            S::Pending => "pending",
            S::Scheduled => "scheduled",
            S::Confirmed => "confirmed",
            S::CheckedIn => "checked_in",
            S::InProgress => "in_progress",
            S::Completed => "completed",
            S::NoShow => "no_show",
            S::CancelledByPatient => "cancelled_by_patient",
            S::CancelledByClinic => "cancelled_by_clinic",
        }
    }

    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }

    /// What may come next, for the answer that refuses something else.
    pub fn next(self) -> &'static [Status] {
        NEXT.iter().find(|(from, _)| *from == self).map_or(&[], |(_, next)| next)
    }

    pub fn is_cancelled(self) -> bool {
        matches!(self, S::CancelledByPatient | S::CancelledByClinic)
    }

    /// It is over and stays as it is: nobody moves or cancels it any more.
    pub fn is_final(self) -> bool {
        self.next().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name_of_its_own_and_is_found_by_it() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.name()), Some(status));
        }
    }

    #[test]
    fn the_life_of_a_visit_ends_where_it_ends() {
        let path = [S::Pending, S::Scheduled, S::Confirmed, S::CheckedIn, S::InProgress, S::Completed];
        assert!(path.windows(2).all(|pair| pair[0].next().contains(&pair[1])));
        let ends: Vec<_> = Status::ALL.into_iter().filter(|status| status.is_final()).collect();
        assert_eq!(ends, [S::Completed, S::NoShow, S::CancelledByPatient, S::CancelledByClinic]);
        assert!(!S::Scheduled.next().contains(&S::InProgress), "nobody is treated who has not come");
    }
}
