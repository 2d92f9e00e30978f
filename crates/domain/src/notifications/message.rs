crate::choice! {
    /// A message that the program sends. This is the one place where they are declared: the templates of a message have its name, and may
    /// say what [`Message::variables`] lists, all of it and nothing else.
    pub enum Message {
        /// Here is the link with which you can choose another password.
        PasswordReset = "password_reset",
        /// Your password was changed.
        PasswordChanged = "password_changed",
        /// Somebody else may have had your sign-in, so it was ended.
        SignInEnded = "sign_in_ended",
        /// Somebody invites you to work with them.
        Invitation = "invitation",
        /// Confirm that this is your new address.
        EmailChange = "email_change",
        /// Somebody wants to change your address; object if it was not you.
        EmailVeto = "email_veto",
    }
}

impl Message {
    /// What the templates of the message may say.
    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Self::PasswordReset | Self::EmailChange => &["name", "organization", "link", "hours"],
            Self::PasswordChanged | Self::SignInEnded => &["name", "organization"],
            Self::Invitation => &["inviter", "organization", "link", "hours"],
            Self::EmailVeto => &["name", "organization", "link", "days"],
        }
    }
}
