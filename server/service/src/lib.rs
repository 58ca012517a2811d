//! The use cases: authorise, validate, persist, audit.
