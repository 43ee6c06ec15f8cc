//! The batch loop that every stream consumer runs in.
