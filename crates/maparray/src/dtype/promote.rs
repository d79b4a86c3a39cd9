//! Which dtype holds the values of two others?
