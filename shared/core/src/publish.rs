//! Publishing (section 4).
