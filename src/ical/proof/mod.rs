//! Tests that need more than one file: vectors, RFC tables, a slow evaluator, hostile input.
