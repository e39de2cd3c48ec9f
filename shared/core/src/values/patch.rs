//! A field of an input: absent, `null`, of the wrong type, or a value.

/// The value of one field of an input. PATCH distinguishes an absent field from `null`, and a wrong type is an error of
/// that field, not of the whole request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The input does not mention the field.
    #[default]
    Absent,
    /// The input says `null`.
    Null,
    /// The value is of a type that the field cannot take: `is invalid`.
    WrongType,
    /// The value.
    Value(T),
}

impl<T> Patch<T> {
    /// True when the input does not mention the field.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value, if one was given.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::WrongType => None,
        }
    }
}
