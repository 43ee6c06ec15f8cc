//! Scenarios, laws, and checks of template and documents.
